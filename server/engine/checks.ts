import type { AdvanceOptions, Problem, TrainerState } from "./engine.ts";

/** Throws RangeError when an array of the problem or the state doesn't have the problem's shape. */
export function checkShapes(
  { modulus, width, labels, classes }: Problem,
  { theta, xi, moments }: TrainerState,
): void {
  checkLength("labels", labels, modulus * modulus);
  checkLength("classes", classes, modulus * modulus);
  for (const [name, array] of Object.entries({ theta, xi, ...moments })) {
    checkLength(name, array, width * modulus);
  }
}

/** Throws RangeError when `array` doesn't have `expected` elements. */
export function checkLength(name: string, array: { readonly length: number }, expected: number): void {
  if (array.length !== expected) {
    throw new RangeError(`${name} must have ${expected} elements, got ${array.length}`);
  }
}

/** Throws RangeError when the arguments of `Trainer.advance` are not what engine.ts says. */
export function checkAdvance(
  steps: number,
  { weightsAt = [], measureAt = [], cohort = 1 }: AdvanceOptions,
): void {
  if (!Number.isSafeInteger(steps) || steps < 1) {
    throw new RangeError(`steps must be a positive integer, got ${steps}`);
  }
  if (!Number.isSafeInteger(cohort) || cohort < 1) {
    throw new RangeError(`cohort must be a positive integer, got ${cohort}`);
  }
  for (const [name, at] of Object.entries({ weightsAt, measureAt })) {
    if (!increasesTo(steps, at)) {
      throw new RangeError(`${name} must increase from 1 to ${steps}, got ${at}`);
    }
  }
}

function increasesTo(most: number, steps: readonly number[]): boolean {
  return steps.every((at, i) => Number.isInteger(at) && at <= most && at > (steps[i - 1] ?? 0));
}
