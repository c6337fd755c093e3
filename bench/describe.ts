import type { AnalysisSpeed } from "./analysis.ts";
import type { AutoChoice } from "./auto.ts";
import type { CohortServerSpeed, CohortSpeed } from "./cohort.ts";
import type { CostGrowth } from "./cost.ts";
import type { DurabilitySpeed } from "./durability.ts";
import type { EngineSpeed } from "./engine-speed.ts";
import type { LiveSpeed } from "./live.ts";
import type { Machine } from "./machine.ts";
import type { PeerChoice } from "./peers/best-peer.ts";
import type { Ratio } from "./ratio.ts";
import type { RecordingCost } from "./recording.ts";
import type { ServiceSpeed } from "./service.ts";
import type { StackSpeed } from "./stack.ts";
import type { SweepSpeed } from "./sweep.ts";
import type { TensorflowSpeed } from "./tensorflow.ts";

export const columns = line([
  "engine",
  "isa",
  "p",
  "M",
  "threads",
  "cohort",
  "steps/s",
  "GFLOP/s",
  "peak",
  "of peak",
  "MiB",
  "to peer",
  "by cpu",
]);

export function describeCohort(speed: CohortSpeed | CohortServerSpeed): string {
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

export function describeStack({
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

export function describeAnalysis({ analysis, p, width, milliseconds, othersMs }: AnalysisSpeed): string {
  return `${analysis} at p ${p}, M ${width}: ${milliseconds.toFixed(1)} ms, others answered within ${othersMs.toFixed(1)} ms`;
}

export function describeService({
  stepP50Ms,
  stepP99Ms,
  firstStepP99Ms,
  getSessionPerSecond,
  watchedRatio,
}: ServiceSpeed): string {
  return `
Step(1) beside a background run: p50 ${stepP50Ms.toFixed(2)} ms, p99 ${stepP99Ms.toFixed(2)} ms; on a server that has just started p99 ${firstStepP99Ms.toFixed(2)} ms
GetSession, 32 in flight: ${getSessionPerSecond.toFixed(0)} a second
100 watchers on a running session: ${watchedRatio.toFixed(3)} of its speed without them`;
}

export function describeLive(speed: LiveSpeed): string {
  const [least, most] = speed.watchedRatios;
  const { unreadSockets, unreadSeconds, unreadGrowthMib, growthMib } = speed;
  return `
${speed.sockets} live connections at ${speed.updatesPerSecond} updates a second: ${speed.watchedRatio.toFixed(3)} of ${speed.stepsPerSecond.toFixed(0)} steps/s without them (${least.toFixed(3)} to ${most.toFixed(3)}), ${speed.watchedCpuRatio.toFixed(3)} by processor time a step, ${speed.messagesPerSecond.toFixed(1)} messages a second each; their own process took ${(speed.viewersCores * 100).toFixed(0)}% of a core
${unreadSockets} connections unread for ${unreadSeconds} s: the server grew by ${unreadGrowthMib.toFixed(1)} MiB, without them by ${growthMib.toFixed(1)} MiB; points reached others within p99 ${speed.othersP99Ms.toFixed(1)} ms, without them ${speed.othersAloneP99Ms.toFixed(1)} ms`;
}

export function describeDurability(speed: DurabilitySpeed): string {
  const { sessions, snapshots, startSeconds, listP50Ms, listP99Ms, checkpointedRatio } = speed;
  return `
A store of ${sessions} sessions and ${snapshots} snapshots: ready after ${startSeconds.toFixed(2)} s
A page of 100 sessions: p50 ${listP50Ms.toFixed(1)} ms, p99 ${listP99Ms.toFixed(1)} ms
8 running sessions, a checkpoint of each every second: ${checkpointedRatio.toFixed(3)} of their speed without`;
}

export function describePeers({ p, width, threads, best, candidates }: PeerChoice): string {
  const what = `best peer at p ${p}, M ${width}, ${threads} ${threads === 1 ? "thread" : "threads"}`;
  const fastest = Math.max(0, ...candidates.map(({ stepsPerSecond }) => stepsPerSecond ?? 0));
  if (best !== null) return `${what}: ${best}, ${fastest.toFixed(fastest < 100 ? 2 : 0)} steps/s`;
  const reasons = candidates.map(({ framework, error }) => `${framework}: ${error}`);
  return `${what}: absent (${[...new Set(reasons)].join("; ")})`;
}

export function describeCost({ isa, over, points, operationsExponent, timeExponent }: CostGrowth): string {
  const [{ p, width }] = points;
  const fixed = over === "p" ? `M ${width}` : `p ${p}`;
  const times = points.map(
    (point) => `${over} ${over === "p" ? point.p : point.width}: ${(point.secondsPerStep * 1e6).toFixed(0)}`,
  );
  return `\nA step at ${fixed} on one thread (${isa}), microseconds: ${times.join(", ")}; grows as ${over}^${timeExponent.toFixed(2)}, its operations as ${over}^${operationsExponent.toFixed(2)}`;
}

export function describeRecording(cost: RecordingCost): string {
  const { through, what, every, threads, stepsPerSecond, noneStepsPerSecond, ratio } = cost;
  const when = every === 1 ? "every step" : `every ${every} steps`;
  return `${through}, ${threads} ${threads === 1 ? "thread" : "threads"}, ${what} at ${when}: ${describeRatio(stepsPerSecond, noneStepsPerSecond, "those without:", ratio)}`;
}

export function describeSweep({ engine, p, width, threads, seeds, steps, ...speed }: SweepSpeed): string {
  const what = `${engine}, p ${p}, M ${width}, ${threads} threads, a sweep of ${seeds} runs of ${steps} steps, ${speed.maxParallel} at a time`;
  return `\n${what}: ${describeRatio(speed.sweepStepsPerSecond, speed.engineStepsPerSecond, "the cohort's", speed.ratio)}`;
}

export function describeMachine({ cpu, threads, platform, node }: Machine): string {
  return `${cpu}, ${threads} threads, ${platform}, Node ${node}`;
}

export function describeRow(row: EngineSpeed): string {
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
    row.peakMemoryBytes === null ? "-" : (row.peakMemoryBytes / 2 ** 20).toFixed(0),
    row.ratioToBestPeer === null ? "-" : `${row.ratioToBestPeer.toFixed(2)}x`,
    row.ratioByProcessorTime === null ? "-" : `${row.ratioByProcessorTime.toFixed(2)}x`,
  ]);
}

function line(cells: readonly (string | number)[]): string {
  const widths = [12, 10, 5, 7, 9, 8, 10, 9, 9, 9, 7, 9, 8];
  return cells
    .map((cell, i) => (i < 2 ? `${cell}`.padEnd(widths[i]) : `${cell}`.padStart(widths[i])))
    .join("");
}

export function describeTensorflow(speed: TensorflowSpeed): string {
  const { backend, device, p, width, stepsPerSecond, cpuVariant, cpuStepsPerSecond, cost } = speed;
  const times = `${cost.median.toFixed(1)} times (${cost.least.toFixed(1)} to ${cost.most.toFixed(1)})`;
  return `\ntensorflow ${backend} (${device}), p ${p}, M ${width}: ${stepsPerSecond.toFixed(1)} steps/s; a step takes ${times} as long as cpu ${cpuVariant}'s on one thread, ${cpuStepsPerSecond.toFixed(0)} steps/s`;
}

export function describeAuto({ p, width, options, engines, choice, ofBest, reason }: AutoChoice): string {
  const rates = engines.map(({ name, stepsPerSecond, expectedStepsPerSecond }) => {
    const expected = `${rate(expectedStepsPerSecond)} expected`;
    return `${name} ${stepsPerSecond === null ? "not tried" : rate(stepsPerSecond)} (${expected})`;
  });
  return `\nauto, p ${p}, M ${width}, ${options}: ${choice}, at ${(100 * ofBest).toFixed(0)}% of the fastest; steps/s: ${rates.join(", ")}; "${reason}"`;
}

const rate = (stepsPerSecond: number) => Number(stepsPerSecond.toPrecision(3)).toLocaleString("en-US");
