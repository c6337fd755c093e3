import type { Engine, Problem, Shape, Trainer, TrainerState } from "../engine/engine.ts";
import { completeSpec } from "../model/presets.ts";
import { labels } from "../model/task.ts";

/** Of how engines are timed, what a timing says, and how fast kernels are: those that were kept by another version are taken again. */
export const calibrationVersion = 6;

/** What a step of a network takes on an engine. */
export interface Timing {
  readonly modulus: number;
  readonly width: number;
  /** Milliseconds, with the device to itself. */
  readonly stepMs: number;
  /** So many side by side, each milliseconds a step; absent where it was not timed. */
  readonly cohort?: { readonly size: number; readonly stepMs: number };
}

/** By operations, increasing; at least one. */
export type Calibration = readonly Timing[];

/** From so small that only overhead counts to the widest network of the paper. */
const shapes = [
  { modulus: 11, width: 64 },
  { modulus: 23, width: 512 },
  { modulus: 53, width: 1024 },
  { modulus: 97, width: 9107 },
];

/** Of which they have the options. */
const timedPreset = "standard";

/** Of the largest cohort that is timed, and of the largest network that one is timed of. */
const [mostMembers, mostCohortOperations] = [32, 1e7];

/**
 * A GPU's driver takes some tenths of a second to compile the kernels of a shape, which it keeps for the next start. So long all openings of
 * trainers together may take without counting.
 */
const mostOpeningMs = 1500;

/** As long as this a round should be, for the time of a call to be a small part of it. */
const roundMs = 15;

/** Multiply-adds of one product of a step, of which it has a few; where the embedding is learned, of a product with it too. */
export function operations({
  modulus,
  width,
  embedding,
}: Pick<Shape, "modulus" | "width" | "embedding">): number {
  return ((modulus * (modulus + 1)) / 2 + (embedding?.dimension ?? 0)) * modulus * width;
}

/**
 * Times steps of a few networks, from small to large, within about `budgetMs`: those that would take too long, by what the one before
 * took, are left out. Fails when not even the smallest could be timed.
 */
export async function calibrate(engine: Engine, budgetMs: number): Promise<Calibration> {
  const budget = new Budget(budgetMs);
  const timings: Timing[] = [];
  for (const shape of shapes) {
    const last = timings.at(-1);
    const expectedMs = last === undefined ? 0 : (last.stepMs * operations(shape)) / operations(last);
    // To open a trainer takes about a step, and a first step warms up what the next ones are timed with.
    if (3 * expectedMs > budget.leftMs) break;
    const timing = await time(engine, shape, budget, expectedMs);
    if (timing === undefined) break;
    timings.push(timing);
  }
  if (timings.length === 0) throw new Error(`not one step could be timed within ${budgetMs} ms`);
  return timings;
}

async function time(
  engine: Engine,
  shape: { readonly modulus: number; readonly width: number },
  budget: Budget,
  expectedMs: number,
): Promise<Timing | undefined> {
  const { problem, state } = example(shape);
  if (engine.bytesOf(problem) > (engine.memoryBytes ?? Number.POSITIVE_INFINITY)) return undefined;
  const trainers: Trainer[] = [];
  /** Whether there was memory for one more. */
  const open = async (stepMs: number) => {
    try {
      trainers.push(await budget.open(() => engine.open(problem, state), stepMs));
      return true;
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
  };
  try {
    if (!(await open(expectedMs))) return undefined;
    const stepMs = await stepMsOf(engine, trainers, budget);
    if (stepMs === undefined) return undefined;
    const most = Math.min(engine.parts, mostMembers);
    if (most === 1 || operations(shape) > mostCohortOperations) return { ...shape, stepMs };
    while (trainers.length < most && (await open(stepMs)));
    const size = trainers.length;
    if (size === 1) return { ...shape, stepMs };
    const together = await stepMsOf(engine, trainers, budget);
    // Side by side none can be faster than alone, but for noise.
    const cohort = together === undefined ? {} : { cohort: { size, stepMs: Math.max(stepMs, together) } };
    return { ...shape, stepMs, ...cohort };
  } finally {
    for (const trainer of trainers) trainer.close();
  }
}

/** Milliseconds that an engine may be timed for. */
class Budget {
  #end: number;
  #openingMs = mostOpeningMs;

  constructor(ms: number) {
    this.#end = performance.now() + ms;
  }

  get leftMs(): number {
    return this.#end - performance.now();
  }

  /** Opens a trainer. What that takes beyond a step is not counted. */
  async open(open: () => Promise<Trainer>, stepMs: number): Promise<Trainer> {
    const began = performance.now();
    const trainer = await open();
    const over = Math.min(this.#openingMs, Math.max(0, performance.now() - began - stepMs));
    this.#openingMs -= over;
    this.#end += over;
    return trainer;
  }
}

/** It has the options of those that are timed. */
export function hasTimedOptions({ activation, optimizer, embedding }: Shape): boolean {
  const timed = completeSpec({}, timedPreset);
  return (
    activation === timed.activation &&
    optimizer.kind === timed.optimizer.kind &&
    optimizer.grokfast === undefined &&
    embedding === undefined
  );
}

/** Of the fastest of a few rounds; undefined when the time is over before the first. */
async function stepMsOf(
  engine: Engine,
  trainers: readonly Trainer[],
  budget: Budget,
): Promise<number | undefined> {
  let fastest: number | undefined;
  let steps = 1;
  for (let round = 0, long = 0; long < 2; round++) {
    const { leftMs } = budget;
    if (leftMs <= 0) break;
    const signal = AbortSignal.timeout(Math.ceil(leftMs));
    const began = performance.now();
    const members = trainers.map((trainer) => ({ trainer, steps, options: { signal } }));
    const made = await Promise.all(engine.advance(members));
    const elapsedMs = performance.now() - began;
    const least = Math.min(...made.map((advance) => advance.steps));
    // The first round also makes what all of them use.
    if (round > 0 && least > 0) fastest = Math.min(fastest ?? Number.POSITIVE_INFINITY, elapsedMs / least);
    if (elapsedMs >= roundMs && round > 0) long += 1;
    else if (round > 0) steps *= Math.min(16, Math.max(2, Math.ceil(roundMs / Math.max(elapsedMs, 0.1))));
  }
  return fastest;
}

/** A network in the middle of nowhere: a step takes as long whatever the weights are. */
function example(shape: { readonly modulus: number; readonly width: number }): {
  readonly problem: Problem;
  readonly state: TrainerState;
} {
  const { modulus, width, activation, optimizer, schedule, task } = completeSpec(shape, timedPreset);
  const scale = 0.1 / Math.sqrt(modulus);
  const weights = (phase: number) =>
    Float32Array.from({ length: width * modulus }, (_, i) => scale * Math.sin(12.9898 * i + phase));
  return {
    problem: {
      modulus,
      width,
      activation,
      optimizer,
      schedule,
      labels: labels(task, modulus),
      classes: new Uint8Array(modulus * modulus),
    },
    state: { step: 100, theta: weights(0), xi: weights(1) },
  };
}
