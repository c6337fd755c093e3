import { loadAddon } from "../server/engine/cpu/addon.ts";
import { type CpuEngineOptions, cpuIsas, openCpuEngine } from "../server/engine/cpu/cpu-engine.ts";
import type { Engine, Trainer } from "../server/engine/engine.ts";
import { peakMemoryBytes, resetPeakMemory } from "./memory.ts";
import type { Peer } from "./peers/best-peer.ts";
import { standardProblem } from "./problem.ts";
import { median } from "./statistics.ts";

/** Speed of one engine on one shape. The same names in the JSON that `npm run bench -- --json` prints. */
export interface EngineSpeed {
  /** `cpu addon` or `cpu wasm` */
  readonly engine: string;
  readonly isa: string;
  readonly p: number;
  readonly width: number;
  readonly threads: number;
  /** Trainers advanced in one call; the speeds are of all together. */
  readonly cohort: number;
  readonly stepsPerSecond: number;
  /** Counting 6 M p p(p+1)/2 operations a step: three matrix products over the unordered pairs. */
  readonly gflops: number;
  /** Multiply-adds in registers on as many threads, measured between the engine's rounds; null without the addon. */
  readonly peakGflops: number | null;
  readonly fractionOfPeak: number | null;
  /** Of this whole process while it computed. */
  readonly peakMemoryBytes: number | null;
  /** The best peer on this shape and as many threads, measured in turns with the engine; this and what is its are null without one. */
  readonly peer: string | null;
  readonly peerStepsPerSecond: number | null;
  /** Median over the rounds of the engine's speed over the peer's. */
  readonly ratioToBestPeer: number | null;
  /**
   * The same from the processor time that a step takes either of them, which others on the machine change less; where threads wait for each
   * other it counts some of their waiting.
   */
  readonly ratioByProcessorTime: number | null;
  /** Of its whole process. */
  readonly peerPeakMemoryBytes: number | null;
}

export interface Shape {
  readonly p: number;
  readonly width: number;
}

export interface Effort {
  readonly rounds: number;
  /** Of one measurement; a round is a peak, an engine, another peak and a peer measurement. */
  readonly milliseconds: number;
}

/** Every build of the cpu engine that this machine runs. */
export function cpuVariants(): CpuEngineOptions[] {
  return [...cpuIsas().map((isa) => ({ variant: "addon", isa }) as const), { variant: "wasm" }];
}

/** Floating-point operations of a step, by the count above. */
export function operationsPerStep({ p, width }: Shape): number {
  return 6 * width * p * ((p * (p + 1)) / 2);
}

/**
 * Median speed of an engine over rounds, and its median share of the peak measured just before and after each round:
 * on a machine that others use too, only such a share means anything.
 */
export async function measureEngine(
  options: CpuEngineOptions,
  shape: Shape,
  effort: Effort,
  cohort = 1,
  peer?: Peer,
): Promise<EngineSpeed> {
  resetPeakMemory();
  const engine = await openCpuEngine(options);
  try {
    return await measureTrainers(engine, await openTrainers(engine, shape, cohort), shape, effort, peer);
  } finally {
    await engine.close();
  }
}

/** So many trainers of one shape. */
export function openTrainers(engine: Engine, shape: Shape, count: number): Promise<Trainer[]> {
  const { problem, state } = standardProblem(shape);
  return Promise.all(Array.from({ length: count }, () => engine.open(problem, state)));
}

/** Seconds that it takes to advance all trainers by so many steps, in one call. */
export async function secondsOf(
  engine: Engine,
  trainers: readonly Trainer[],
  steps: number,
): Promise<number> {
  const begin = performance.now();
  await Promise.all(engine.advance(trainers.map((trainer) => ({ trainer, steps }))));
  return (performance.now() - begin) / 1000;
}

async function measureTrainers(
  engine: Engine,
  trainers: readonly Trainer[],
  shape: Shape,
  { rounds, milliseconds }: Effort,
  peer: Peer | undefined,
): Promise<EngineSpeed> {
  const steps = await stepsIn(engine, trainers, milliseconds);
  const speeds: number[] = [];
  const peerSpeeds: number[] = [];
  const cpuRatios: number[] = [];
  const peaks: number[] = [];
  const shares: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = peakGflops(engine.threads, milliseconds / 4);
    const begin = process.cpuUsage();
    const seconds = await secondsOf(engine, trainers, steps);
    const { user, system } = process.cpuUsage(begin);
    const after = peakGflops(engine.threads, milliseconds / 4);
    speeds.push((trainers.length * steps) / seconds);
    if (peer !== undefined) {
      const timing = await peer.measure();
      peerSpeeds.push(peer.steps / timing.seconds);
      const cpuSecondsPerStep = (user + system) / 1e6 / (trainers.length * steps);
      cpuRatios.push(timing.cpuSeconds / peer.steps / cpuSecondsPerStep);
    }
    if (before === undefined || after === undefined) continue;
    peaks.push(before, after);
    shares.push((speeds[round] * operationsPerStep(shape)) / 1e9 / ((before + after) / 2));
  }
  const stepsPerSecond = median(speeds);
  const medianOf = (values: readonly number[]) => (values.length > 0 ? median(values) : null);
  return {
    engine: `${engine.name} ${engine.variant}`,
    isa: engine.isa,
    ...shape,
    threads: engine.threads,
    cohort: trainers.length,
    stepsPerSecond,
    gflops: (stepsPerSecond * operationsPerStep(shape)) / 1e9,
    peakGflops: medianOf(peaks),
    fractionOfPeak: medianOf(shares),
    peakMemoryBytes: peakMemoryBytes(),
    peer: peer?.name ?? null,
    peerStepsPerSecond: medianOf(peerSpeeds),
    ratioToBestPeer: medianOf(peerSpeeds.map((speed, round) => speeds[round] / speed)),
    ratioByProcessorTime: medianOf(cpuRatios),
    peerPeakMemoryBytes: peer?.peakMemoryBytes ?? null,
  };
}

/** How many steps take about so long. Also warms up: a WebAssembly module is optimized while it runs. */
export async function stepsIn(
  engine: Engine,
  trainers: readonly Trainer[],
  milliseconds: number,
): Promise<number> {
  let steps = 1;
  for (;;) {
    const seconds = await secondsOf(engine, trainers, steps);
    if (seconds * 1000 >= milliseconds / 2) {
      return Math.max(1, Math.round((steps * milliseconds) / 1000 / seconds));
    }
    steps *= 2;
  }
}

/** Of the widest instruction set that the machine has; undefined when there is no addon to measure it with. */
function peakGflops(threads: number, milliseconds: number): number | undefined {
  const loaded = loadAddon();
  if (!("addon" in loaded)) return undefined;
  return loaded.addon.peakGflops(loaded.addon.isas()[0], threads, milliseconds);
}
