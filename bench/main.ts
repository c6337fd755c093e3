import { parseArgs } from "node:util";
import { cpuVariants, type EngineSpeed, measureEngine, type Shape } from "./engine-speed.ts";
import { type Machine, thisMachine } from "./machine.ts";

const usage = `npm run bench -- [options]

Speed of every build of the cpu engine that this machine runs, as a share of its multiply-add peak.

  --json               print one JSON object
  --shape p,M          a shape to measure, repeatable (default 23,512)
  --threads n          a number of threads, repeatable (default 1 and 2)
  --isa name           only this instruction set, repeatable
  --rounds n           rounds a row (default 9)
  --milliseconds n     of each measurement (default 200)`;

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
    shape: { type: "string", multiple: true, default: ["23,512"] },
    threads: { type: "string", multiple: true, default: ["1", "2"] },
    isa: { type: "string", multiple: true },
    rounds: { type: "string", default: "9" },
    milliseconds: { type: "string", default: "200" },
  },
});

if (values.help) {
  console.log(usage);
} else {
  const machine = thisMachine();
  if (!values.json) console.log(describeMachine(machine));
  const rows: EngineSpeed[] = [];
  for await (const row of measure()) {
    rows.push(row);
    if (!values.json) console.log(describeRow(row));
  }
  if (values.json) console.log(JSON.stringify({ machine, rows }));
}

async function* measure(): AsyncGenerator<EngineSpeed> {
  const effort = { rounds: Number(values.rounds), milliseconds: Number(values.milliseconds) };
  for (const shape of values.shape.map(parseShape)) {
    for (const options of cpuVariants()) {
      if (values.isa && !values.isa.includes(options.isa ?? "simd128")) continue;
      for (const threads of values.threads.map(Number)) {
        yield await measureEngine({ ...options, threads }, shape, effort);
      }
    }
  }
}

function parseShape(text: string): Shape {
  const [p, width] = text.split(",").map(Number);
  return { p, width };
}

function describeMachine({ cpu, threads, platform, node }: Machine): string {
  const columns = ["engine", "isa", "p", "M", "threads", "steps/s", "GFLOP/s", "peak", "of peak"];
  return `${cpu}, ${threads} threads, ${platform}, Node ${node}\n\n${line(columns)}`;
}

function describeRow(row: EngineSpeed): string {
  const { engine, isa, p, width, threads, stepsPerSecond, gflops, peakGflops, fractionOfPeak } = row;
  const speed = stepsPerSecond.toFixed(stepsPerSecond < 100 ? 2 : 0);
  const share = fractionOfPeak === null ? "-" : `${(fractionOfPeak * 100).toFixed(1)}%`;
  return line([
    engine,
    isa,
    p,
    width,
    threads,
    speed,
    gflops.toFixed(1),
    peakGflops?.toFixed(1) ?? "-",
    share,
  ]);
}

function line(cells: readonly (string | number)[]): string {
  const widths = [12, 10, 5, 7, 9, 10, 9, 9, 9];
  return cells
    .map((cell, i) => (i < 2 ? `${cell}`.padEnd(widths[i]) : `${cell}`.padStart(widths[i])))
    .join("");
}
