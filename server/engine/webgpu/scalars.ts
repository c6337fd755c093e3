import type { Problem } from "../engine.ts";

/**
 * Writes the scalars of gradients/*.wgsl and optimizers/*.wgsl for the update that leaves step `step`: computed in float64 and rounded
 * once.
 *
 * @param at - where in `to`
 * @param averagesFrom - the step that the averages of the gradient begin at: as the gradient itself
 */
export function writeScalars(
  { optimizer, schedule }: Problem,
  step: number,
  averagesFrom: number | undefined,
  to: Float32Array,
  at: number,
): void {
  const { warmupSteps } = schedule;
  const warm = step < warmupSteps ? step / warmupSteps : 1;
  const rate = optimizer.learningRate * warm;
  if (optimizer.grokfast !== undefined) {
    const alpha = step === averagesFrom ? 0 : optimizer.grokfast.alpha;
    to[at + 8] = alpha;
    to[at + 9] = 1 - alpha;
    to[at + 10] = optimizer.grokfast.lambda;
  }
  if (optimizer.kind === "sgd") {
    to[at] = optimizer.weightDecay;
    to[at + 1] = rate;
    return;
  }
  const { beta1, beta2, epsilon, weightDecay } = optimizer;
  to[at] = 1 - rate * weightDecay;
  to[at + 1] = rate / (1 - beta1 ** (step + 1));
  to[at + 2] = 1 - beta1;
  to[at + 3] = beta2;
  to[at + 4] = 1 - beta2;
  to[at + 5] = 1 / Math.sqrt(1 - beta2 ** (step + 1));
  to[at + 6] = epsilon;
}
