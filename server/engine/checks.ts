import { arraysOf, type StateArrayName, shapeOf, stateArrayNames } from "../model/network-state.ts";
import type { AdvanceOptions, Problem, TrainerState } from "./engine.ts";

/** Throws RangeError when an array of the problem or the state doesn't have the problem's shape. */
export function checkShapes(problem: Problem, state: TrainerState): void {
  const { modulus, labels, classes, embedding } = problem;
  checkLength("labels", labels, modulus * modulus);
  checkLength("classes", classes, modulus * modulus);
  if ((embedding === undefined) !== (state.factors === undefined)) {
    throw new RangeError("a state must have factors with a learned embedding, and only then");
  }
  const arrays = arraysOf(state);
  for (const name of stateArrayNames) {
    if (arrays[name] !== undefined) checkLength(name, arrays[name], lengthOf(name, problem));
  }
}

/** Numbers in an array of a state of such a problem. */
export function lengthOf(name: StateArrayName, { modulus, width, embedding }: Problem): number {
  const [rows, columns] = shapeOf(name, { modulus, width, dimension: embedding?.dimension ?? 0 });
  return rows * columns;
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
