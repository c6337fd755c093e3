import type { Problem } from "../engine.ts";

/** Values of `scalars` for one step in optimizers/*.wgsl. */
export const scalarsAStep = 8;

/** Writes the optimizer's scalars for the update that leaves step `step`: computed in float64 and rounded once. */
export function writeScalars({ optimizer, schedule }: Problem, step: number, to: Float32Array): void {
  const { warmupSteps } = schedule;
  const warm = step < warmupSteps ? step / warmupSteps : 1;
  const rate = optimizer.learningRate * warm;
  if (optimizer.kind === "sgd") {
    to[0] = optimizer.weightDecay;
    to[1] = rate;
    return;
  }
  const { beta1, beta2, epsilon, weightDecay } = optimizer;
  to[0] = 1 - rate * weightDecay;
  to[1] = rate / (1 - beta1 ** (step + 1));
  to[2] = 1 - beta1;
  to[3] = beta2;
  to[4] = 1 - beta2;
  to[5] = 1 / Math.sqrt(1 - beta2 ** (step + 1));
  to[6] = epsilon;
}
