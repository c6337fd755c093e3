import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Backend } from "../server/engine/tensorflow/backend.ts";
import { type AnalysisSpeed, measureAnalysis } from "./analysis.ts";
import { type AutoChoice, measureAuto } from "./auto.ts";
import { type CohortServerSpeed, type CohortSpeed, measureCohort, measureCohortServer } from "./cohort.ts";
import { type CostGrowth, measureCost } from "./cost.ts";
import * as describe from "./describe.ts";
import { measureDurability } from "./durability.ts";
import { cpuVariants, type EngineSpeed, measureEngine, type Shape } from "./engine-speed.ts";
import { measureLive } from "./live.ts";
import { thisMachine } from "./machine.ts";
import { bestPeer, type PeerChoice } from "./peers/best-peer.ts";
import { frameworks } from "./peers/peer-process.ts";
import { measureRecording, type RecordingCost } from "./recording.ts";
import { writeReport } from "./report/report.ts";
import { extraParts, type Part, parts, type Results } from "./results.ts";
import { measureService } from "./service.ts";
import { measureStack, type StackSpeed } from "./stack.ts";
import { measureSweep, type SweepSpeed } from "./sweep.ts";
import { measureTensorflow, type TensorflowSpeed } from "./tensorflow.ts";

const usage = `npm run bench -- [options]

Speed of every build of the cpu engine that this machine runs, as a share of its multiply-add peak, in turns with the best peer (this network
in PyTorch or JAX, see bench/peers); of cohorts of trainers beside one on one thread, and of as many sessions of a server; what a step costs as
p and M grow; what recording costs; of a sweep of 64 seeds beside a cohort; then of a whole server beside the engine alone, of its calls while it
trains, of its live connections, of its analyses, and of what it costs to lose nothing (needs 4 GB of disk for a while).

  --json               print one JSON object
  --report FILE        write the results for people: Markdown, with plots in a folder beside it
  --shape p,M          a shape to measure, repeatable (default 23,512 and 97,512 and 97,9107)
  --threads n          a number of threads, repeatable (default 1 and 2)
  --cohort n           trainers side by side, repeatable: the engine's rows (default 1), and the part cohort (default 8)
  --isa name           only this instruction set, repeatable
  --python PATH        where the peers run (default /usr/bin/python3); those that it hasn't are reported as absent
  --framework NAME     only peers in this one, torch or jax, repeatable
  --no-peers           without peers
  --rounds n           rounds a row (default 9)
  --milliseconds n     of each measurement (default 200)
  --sweep-steps n      of each run of the sweep (default 1000; beginning and ending a run count for less, the longer it is)
  --backend name       of tensorflow: node-gpu, node, wasm or cpu, repeatable (default wasm and cpu)
  --software           auto: also on a GPU that is a program
  --only PART          one part, repeatable (default all but ${extraParts.join(", ")}): ${[...parts, ...extraParts].join(", ")}`;

const { values } = parseArgs({
  allowNegative: true,
  options: {
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
    report: { type: "string" },
    shape: { type: "string", multiple: true, default: ["23,512", "97,512", "97,9107"] },
    threads: { type: "string", multiple: true, default: ["1", "2"] },
    cohort: { type: "string", multiple: true },
    isa: { type: "string", multiple: true },
    python: { type: "string", default: "/usr/bin/python3" },
    framework: { type: "string", multiple: true, default: [...frameworks] },
    peers: { type: "boolean", default: true },
    backend: { type: "string", multiple: true, default: ["wasm", "cpu"] },
    rounds: { type: "string", default: "9" },
    milliseconds: { type: "string", default: "200" },
    software: { type: "boolean", default: false },
    "sweep-steps": { type: "string", default: "1000" },
    only: { type: "string", multiple: true, default: [...parts] },
  },
});

const effort = { rounds: Number(values.rounds), milliseconds: Number(values.milliseconds) };
const threadCounts = values.threads.map(Number);

if (values.help) {
  console.log(usage);
} else {
  const results = await measureAll();
  if (values.json) console.log(JSON.stringify(results));
  if (values.report !== undefined) await writeReport(results, values.report);
}

function show(text: string): void {
  if (!values.json) console.log(text);
}

async function measureAll(): Promise<Results> {
  const wanted = (part: Part) => values.only.includes(part);
  const machine = thisMachine();
  show(describe.describeMachine(machine));
  const rows: EngineSpeed[] = [];
  const peers: PeerChoice[] = [];
  if (wanted("engine")) await measureEngines(rows, peers);
  const cohort: (CohortSpeed | CohortServerSpeed)[] = [];
  for await (const speed of wanted("cohort") ? measureCohorts() : []) {
    cohort.push(speed);
    show(describe.describeCohort(speed));
  }
  const cost: CostGrowth[] = [];
  for await (const growth of wanted("cost") ? measureCost(effort) : []) {
    cost.push(growth);
    show(describe.describeCost(growth));
  }
  const recording: RecordingCost[] = [];
  for (const threads of wanted("recording") ? threadCounts : []) {
    const costs = await measureRecording(threads, effort.rounds);
    recording.push(...costs);
    show(`\n${costs.map(describe.describeRecording).join("\n")}`);
  }
  const sweep: SweepSpeed[] = [];
  for await (const speed of wanted("sweep") ? measureSweeps() : []) {
    sweep.push(speed);
    show(describe.describeSweep(speed));
  }
  const stack: StackSpeed[] = [];
  for (const threads of wanted("stack") ? threadCounts : []) {
    stack.push(await measureStack(threads, effort.rounds, 20_000));
    show(describe.describeStack(stack.at(-1)!));
  }
  const service = wanted("service") ? await measureService(effort.rounds) : null;
  if (service !== null) show(describe.describeService(service));
  const live = wanted("live") ? await measureLive(effort.rounds) : null;
  if (live !== null) show(describe.describeLive(live));
  const analysis: AnalysisSpeed[] = [];
  for await (const speed of wanted("analysis") ? measureAnalysis() : []) {
    analysis.push(speed);
    show(describe.describeAnalysis(speed));
  }
  const durability = wanted("durability") ? await measureDurability(Math.min(effort.rounds, 5)) : null;
  if (durability !== null) show(describe.describeDurability(durability));
  const tensorflow: TensorflowSpeed[] = [];
  for await (const speed of wanted("tensorflow") ? measureTensorflows() : []) {
    tensorflow.push(speed);
    show(describe.describeTensorflow(speed));
  }
  const auto: AutoChoice[] = [];
  for await (const choice of wanted("auto") ? measureAuto(values.software, effort) : []) {
    auto.push(choice);
    show(describe.describeAuto(choice));
  }
  const [date, command] = [new Date().toISOString(), `npm run bench -- ${process.argv.slice(2).join(" ")}`];
  const engine = { rows, peers, cohort, cost, recording, sweep };
  return { machine, date, command, ...engine, stack, service, live, analysis, durability, tensorflow, auto };
}

/** Every build on every shape, in turns with the best peer of the shape and as many threads. */
async function measureEngines(rows: EngineSpeed[], peers: PeerChoice[]): Promise<void> {
  const source = {
    python: values.python,
    frameworks: frameworks.filter((name) => values.framework.includes(name)),
  };
  const folder = mkdtempSync(join(tmpdir(), "grokbox-bench-"));
  try {
    for (const shape of values.shape.map(parseShape)) {
      for (const threads of threadCounts) {
        const found = values.peers ? await bestPeer(source, shape, threads, effort, folder) : undefined;
        using peer = found?.peer;
        show("");
        if (found !== undefined) {
          peers.push(found.choice);
          show(describe.describePeers(found.choice));
        }
        show(describe.columns);
        for (const options of cpuVariants()) {
          if (values.isa && !values.isa.includes(options.isa ?? "simd128")) continue;
          for (const cohort of (values.cohort ?? ["1"]).map(Number)) {
            rows.push(await measureEngine({ ...options, threads }, shape, effort, cohort, peer));
            show(describe.describeRow(rows.at(-1)!));
          }
        }
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The best build of each kind, on two threads: the engine, then a whole server. */
async function* measureCohorts(): AsyncGenerator<CohortSpeed | CohortServerSpeed> {
  const variants = [...new Set(cpuVariants().map(({ variant }) => variant!))];
  for (const cohort of (values.cohort ?? ["8"]).map(Number)) {
    for (const variant of variants) {
      for (const shape of values.shape.map(parseShape)) {
        yield await measureCohort({ variant, threads: 2 }, shape, cohort, effort);
      }
      yield await measureCohortServer(variant, 2, cohort, effort);
    }
  }
}

/** The best build of each kind, on two threads. */
async function* measureSweeps(): AsyncGenerator<SweepSpeed> {
  const rounds = Math.min(effort.rounds, 3);
  const steps = Number(values["sweep-steps"]);
  for (const variant of new Set(cpuVariants().map(({ variant }) => variant!)))
    yield await measureSweep(variant, { threads: 2, seeds: 64, steps, rounds });
}

async function* measureTensorflows(): AsyncGenerator<TensorflowSpeed> {
  for (const shape of values.shape.map(parseShape)) {
    for (const backend of values.backend) yield await measureTensorflow(backend as Backend, shape, effort);
  }
}

function parseShape(text: string): Shape {
  const [p, width] = text.split(",").map(Number);
  return { p, width };
}
