import type { Engine } from "../engine/engine.ts";
import type { Spec } from "../model/spec.ts";

/** Weight of the newest measurement in a running mean. */
const newestWeight = 0.2;

/** How long an update of one shape takes, running means: with the device to itself, and with a part of it. */
export class StepTime {
  readonly #deviceParts: number;
  #aloneMs: number | undefined;
  #sharedMs: number | undefined;

  /** @param deviceParts - into how many the device can be divided */
  constructor(deviceParts: number) {
    this.#deviceParts = deviceParts;
  }

  /** Expected duration of `steps` updates with the device to itself; 0 until a first one was timed. */
  expectedMs(steps: number): number {
    return steps * (this.#aloneMs ?? 0);
  }

  /** Expected duration of an update beside others; infinite until a first one was timed. */
  get sharedMs(): number {
    return this.#sharedMs ?? (this.#aloneMs === undefined ? Number.POSITIVE_INFINITY : 2 * this.#aloneMs);
  }

  /**
   * Updates that take about so long, at least 1; 1 until a first one was timed.
   *
   * @param parts - of the device, of which there is one for them
   */
  stepsIn(milliseconds: number, parts: number): number {
    const aloneMs = this.#aloneMs;
    const stepMs = parts === 1 ? aloneMs : (this.#sharedMs ?? (aloneMs && aloneMs * parts));
    return stepMs === undefined ? 1 : Math.max(1, Math.floor(milliseconds / stepMs));
  }

  /** An update took so long, on one of so many parts of the device. */
  timed(stepMs: number, parts: number): void {
    if (parts > 1) {
      this.#sharedMs = mean(this.#sharedMs, stepMs);
      return;
    }
    this.#aloneMs = mean(this.#aloneMs, stepMs);
    // So that one bad moment in a cohort doesn't keep it out of all others.
    if (this.#sharedMs !== undefined)
      this.#sharedMs = Math.min(this.#sharedMs, this.#aloneMs * this.#deviceParts);
  }
}

const mean = (before: number | undefined, newest: number) =>
  before === undefined ? newest : (1 - newestWeight) * before + newestWeight * newest;

/** Shapes that are remembered; one that is forgotten is timed anew. */
const mostShapes = 1_000;

/**
 * How long an update takes, by what that depends on. All sessions of one shape learn it together: one that has just begun, whose own
 * first update is the slowest, need not be alone with the device to find out.
 */
export class StepTimes {
  readonly #known = new Map<string, StepTime>();

  /** @returns what all of this shape share */
  of(
    { name, parts }: Pick<Engine, "name" | "parts">,
    { modulus, width, activation, optimizer, embedding }: Spec,
  ): StepTime {
    const { kind, grokfast } = optimizer;
    const hasGrokfast = grokfast !== undefined;
    const shape = [name, modulus, width, activation, kind, hasGrokfast, embedding?.dimension].join(" ");
    const found = this.#known.get(shape) ?? new StepTime(parts);
    // The one that was asked for last is the last to be forgotten.
    this.#known.delete(shape);
    this.#known.set(shape, found);
    if (this.#known.size > mostShapes) this.#known.delete(this.#known.keys().next().value!);
    return found;
  }
}
