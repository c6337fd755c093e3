import { parseArgs } from "node:util";
import type { Backend } from "../server/engine/tensorflow/backend.ts";
import { type AnalysisSpeed, measureAnalysis } from "./analysis.ts";
import {
  type CohortServerSpeed,
  type CohortSpeed,
  measureCohort,
  measureCohortServer,
  type Ratio,
} from "./cohort.ts";
import { type DurabilitySpeed, measureDurability } from "./durability.ts";
import { cpuVariants, type EngineSpeed, measureEngine, type Shape } from "./engine-speed.ts";
import { type LiveSpeed, measureLive } from "./live.ts";
import { type Machine, thisMachine } from "./machine.ts";
import { measureService, type ServiceSpeed } from "./service.ts";
import { measureStack, type StackSpeed } from "./stack.ts";
import { measureTensorflow, type TensorflowSpeed } from "./tensorflow.ts";

const usage = `npm run bench -- [options]

Speed of every build of the cpu engine that this machine runs, as a share of its multiply-add peak; of cohorts of trainers beside one on
one thread, and of as many sessions of a server; then of a whole server beside the engine alone, of its calls while it trains, of its live
connections, of its analyses, and of what it costs to lose nothing (needs 4 GB of disk for a while). When asked for with --only, of the
tensorflow engine beside the cpu engine.

  --json               print one JSON object
  --shape p,M          a shape to measure, repeatable (default 23,512)
  --threads n          a number of threads, repeatable (default 1 and 2)
  --cohort n           trainers side by side, repeatable: the engine's rows (default 1), and the part cohort (default 8)
  --isa name           only this instruction set, repeatable
  --rounds n           rounds a row (default 9)
  --milliseconds n     of each measurement (default 200)
  --backend name       of tensorflow: node-gpu, node, wasm or cpu, repeatable (default wasm and cpu)
  --only engine|cohort|stack|service|live|analysis|durability|tensorflow   one part, repeatable (default all but the last)`;

const columns = ["engine", "isa", "p", "M", "threads", "cohort", "steps/s", "GFLOP/s", "peak", "of peak"];

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
    shape: { type: "string", multiple: true, default: ["23,512"] },
    threads: { type: "string", multiple: true, default: ["1", "2"] },
    cohort: { type: "string", multiple: true },
    isa: { type: "string", multiple: true },
    backend: { type: "string", multiple: true, default: ["wasm", "cpu"] },
    rounds: { type: "string", default: "9" },
    milliseconds: { type: "string", default: "200" },
    only: {
      type: "string",
      multiple: true,
      default: ["engine", "cohort", "stack", "service", "live", "analysis", "durability"],
    },
  },
});

if (values.help) {
  console.log(usage);
} else {
  const machine = thisMachine();
  const rounds = Number(values.rounds);
  const wanted = (part: string) => values.only.includes(part);
  const show = (text: string) => values.json || console.log(text);
  show(describeMachine(machine));
  const rows: EngineSpeed[] = [];
  if (wanted("engine")) show(`\n${line(columns)}`);
  for await (const row of wanted("engine") ? measure() : []) {
    rows.push(row);
    show(describeRow(row));
  }
  const cohort: (CohortSpeed | CohortServerSpeed)[] = [];
  for await (const speed of wanted("cohort") ? measureCohorts() : []) {
    cohort.push(speed);
    show(describeCohort(speed));
  }
  const stack: StackSpeed[] = [];
  for (const threads of wanted("stack") ? values.threads.map(Number) : []) {
    stack.push(await measureStack(threads, rounds, 20_000));
    show(describeStack(stack.at(-1)!));
  }
  const service = wanted("service") ? await measureService(rounds) : null;
  if (service !== null) show(describeService(service));
  const live = wanted("live") ? await measureLive(rounds) : null;
  if (live !== null) show(describeLive(live));
  const analysis: AnalysisSpeed[] = [];
  for await (const speed of wanted("analysis") ? measureAnalysis() : []) {
    analysis.push(speed);
    show(describeAnalysis(speed));
  }
  const durability = wanted("durability") ? await measureDurability(Math.min(rounds, 5)) : null;
  if (durability !== null) show(describeDurability(durability));
  const tensorflow: TensorflowSpeed[] = [];
  for await (const speed of wanted("tensorflow") ? measureTensorflows() : []) {
    tensorflow.push(speed);
    show(describeTensorflow(speed));
  }
  if (values.json)
    console.log(
      JSON.stringify({ machine, rows, cohort, stack, service, live, analysis, durability, tensorflow }),
    );
}

/** The best build of each kind, on two threads: the engine, then a whole server. */
async function* measureCohorts(): AsyncGenerator<CohortSpeed | CohortServerSpeed> {
  const effort = { rounds: Number(values.rounds), milliseconds: Number(values.milliseconds) };
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

async function* measureTensorflows(): AsyncGenerator<TensorflowSpeed> {
  const effort = { rounds: Number(values.rounds), milliseconds: Number(values.milliseconds) };
  for (const shape of values.shape.map(parseShape)) {
    for (const backend of values.backend) yield await measureTensorflow(backend as Backend, shape, effort);
  }
}

function describeTensorflow(speed: TensorflowSpeed): string {
  const { backend, device, p, width, stepsPerSecond, cpuVariant, cpuStepsPerSecond, cost } = speed;
  const times = `${cost.median.toFixed(1)} times (${cost.least.toFixed(1)} to ${cost.most.toFixed(1)})`;
  return `\ntensorflow ${backend} (${device}), p ${p}, M ${width}: ${stepsPerSecond.toFixed(1)} steps/s; a step takes ${times} as long as cpu ${cpuVariant}'s on one thread, ${cpuStepsPerSecond.toFixed(0)} steps/s`;
}

function describeCohort(speed: CohortSpeed | CohortServerSpeed): string {
  const { engine, p, width, threads, cohort } = speed;
  const what = `${engine}, p ${p}, M ${width}, ${threads} threads, ${cohort}`;
  return "serverStepsPerSecond" in speed
    ? `${what} running sessions of a server, a point every ${speed.recordEvery} steps: ${describeRatio(speed.serverStepsPerSecond, speed.engineStepsPerSecond, "the cohort's", speed.ratio)}`
    : `\n${what} trainers in one call: ${describeRatio(speed.stepsPerSecond, speed.aloneStepsPerSecond, "one trainer's on one thread,", speed.ratio)}`;
}

function describeRatio(speed: number, against: number, whose: string, ratio: Ratio): string {
  const { median, least, most, byProcessorTime } = ratio;
  return `${speed.toFixed(0)} steps/s beside ${whose} ${against.toFixed(0)}, ratio ${median.toFixed(3)} (${least.toFixed(3)} to ${most.toFixed(3)}), ${byProcessorTime.toFixed(3)} by processor time`;
}

function describeStack({
  p,
  width,
  threads,
  recordEvery,
  stackStepsPerSecond,
  engineStepsPerSecond,
  ratio,
}: StackSpeed) {
  const speeds = `${stackStepsPerSecond.toFixed(0)} steps/s beside the engine's ${engineStepsPerSecond.toFixed(0)}`;
  return `\nwhole server, p ${p}, M ${width}, ${threads} threads, a point every ${recordEvery} steps to one subscriber: ${speeds}, ratio ${ratio.toFixed(3)}`;
}

function describeAnalysis({ analysis, p, width, milliseconds, othersMs }: AnalysisSpeed): string {
  return `${analysis} at p ${p}, M ${width}: ${milliseconds.toFixed(1)} ms, others answered within ${othersMs.toFixed(1)} ms`;
}

function describeService({ stepP50Ms, stepP99Ms, getSessionPerSecond, watchedRatio }: ServiceSpeed): string {
  return `
Step(1) beside a background run: p50 ${stepP50Ms.toFixed(2)} ms, p99 ${stepP99Ms.toFixed(2)} ms
GetSession, 32 in flight: ${getSessionPerSecond.toFixed(0)} a second
100 watchers on a running session: ${watchedRatio.toFixed(3)} of its speed without them`;
}

function describeLive(speed: LiveSpeed): string {
  const [least, most] = speed.watchedRatios;
  const { unreadSockets, unreadSeconds, unreadGrowthMib, growthMib } = speed;
  return `
${speed.sockets} live connections at ${speed.updatesPerSecond} updates a second: ${speed.watchedRatio.toFixed(3)} of ${speed.stepsPerSecond.toFixed(0)} steps/s without them (${least.toFixed(3)} to ${most.toFixed(3)}), ${speed.watchedCpuRatio.toFixed(3)} by processor time a step, ${speed.messagesPerSecond.toFixed(1)} messages a second each; their own process took ${(speed.viewersCores * 100).toFixed(0)}% of a core
${unreadSockets} connections unread for ${unreadSeconds} s: the server grew by ${unreadGrowthMib.toFixed(1)} MiB, without them by ${growthMib.toFixed(1)} MiB; points reached others within p99 ${speed.othersP99Ms.toFixed(1)} ms, without them ${speed.othersAloneP99Ms.toFixed(1)} ms`;
}

function describeDurability(speed: DurabilitySpeed): string {
  const { sessions, snapshots, startSeconds, listP50Ms, listP99Ms, checkpointedRatio } = speed;
  return `
A store of ${sessions} sessions and ${snapshots} snapshots: ready after ${startSeconds.toFixed(2)} s
A page of 100 sessions: p50 ${listP50Ms.toFixed(1)} ms, p99 ${listP99Ms.toFixed(1)} ms
8 running sessions, a checkpoint of each every second: ${checkpointedRatio.toFixed(3)} of their speed without`;
}

async function* measure(): AsyncGenerator<EngineSpeed> {
  const effort = { rounds: Number(values.rounds), milliseconds: Number(values.milliseconds) };
  for (const shape of values.shape.map(parseShape)) {
    for (const options of cpuVariants()) {
      if (values.isa && !values.isa.includes(options.isa ?? "simd128")) continue;
      for (const threads of values.threads.map(Number)) {
        for (const cohort of (values.cohort ?? ["1"]).map(Number)) {
          yield await measureEngine({ ...options, threads }, shape, effort, cohort);
        }
      }
    }
  }
}

function parseShape(text: string): Shape {
  const [p, width] = text.split(",").map(Number);
  return { p, width };
}

function describeMachine({ cpu, threads, platform, node }: Machine): string {
  return `${cpu}, ${threads} threads, ${platform}, Node ${node}`;
}

function describeRow(row: EngineSpeed): string {
  const { engine, isa, p, width, threads, cohort, stepsPerSecond, gflops, peakGflops, fractionOfPeak } = row;
  const speed = stepsPerSecond.toFixed(stepsPerSecond < 100 ? 2 : 0);
  const share = fractionOfPeak === null ? "-" : `${(fractionOfPeak * 100).toFixed(1)}%`;
  return line([
    engine,
    isa,
    p,
    width,
    threads,
    cohort,
    speed,
    gflops.toFixed(1),
    peakGflops?.toFixed(1) ?? "-",
    share,
  ]);
}

function line(cells: readonly (string | number)[]): string {
  const widths = [12, 10, 5, 7, 9, 8, 10, 9, 9, 9];
  return cells
    .map((cell, i) => (i < 2 ? `${cell}`.padEnd(widths[i]) : `${cell}`.padStart(widths[i])))
    .join("");
}
