import { learningRateAt } from "./learning-rate.ts";
import type { Spec } from "./spec.ts";

/** The time of the flow between two steps: the sum of the learning rates, over p^2. */
export function flowTime(
  { optimizer, schedule, modulus }: Pick<Spec, "optimizer" | "schedule" | "modulus">,
  from: number,
  to: number,
): number {
  const warm = Math.min(Math.max(from, schedule.warmupSteps), to);
  let sum = (to - warm) * optimizer.learningRate;
  for (let step = from; step < warm; step++) sum += learningRateAt(optimizer, schedule, step);
  return sum / modulus ** 2;
}
