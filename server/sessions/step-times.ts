import type { Spec } from "../model/spec.ts";

/** Milliseconds a step, running means: with the device to itself, and with a part of it. */
export interface StepTime {
  alone?: number;
  shared?: number;
}

/** Shapes that are remembered; one that is forgotten is timed anew. */
const mostShapes = 1_000;

/**
 * How long a step takes, by what that depends on. All sessions of one shape learn it together: one that has just begun, whose own first
 * step is the slowest, need not be alone with the device to find out.
 */
export class StepTimes {
  readonly #known = new Map<string, StepTime>();

  /** @returns what all of this shape share, to be updated by whoever makes steps */
  of(engine: string, { modulus, width, activation, optimizer, embedding }: Spec): StepTime {
    const { kind, grokfast } = optimizer;
    const shape = [
      engine,
      modulus,
      width,
      activation,
      kind,
      grokfast !== undefined,
      embedding?.dimension,
    ].join(" ");
    const found = this.#known.get(shape) ?? {};
    // The one that was asked for last is the last to be forgotten.
    this.#known.delete(shape);
    this.#known.set(shape, found);
    if (this.#known.size > mostShapes) this.#known.delete(this.#known.keys().next().value!);
    return found;
  }
}
