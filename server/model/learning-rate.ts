import type { Optimizer, Schedule } from "./spec.ts";

/**
 * Learning rate of the update that leaves step `step`: lr min(step / warmupSteps, 1), so that with a warm-up the first
 * update changes no weight; lr throughout when `warmupSteps` is 0.
 */
export function learningRateAt(optimizer: Optimizer, schedule: Schedule, step: number): number {
  return step < schedule.warmupSteps
    ? optimizer.learningRate * (step / schedule.warmupSteps)
    : optimizer.learningRate;
}
