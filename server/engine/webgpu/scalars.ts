import type { Problem } from "../engine.ts";

/**
 * Writes the scalars of gradients/*.wgsl and optimizers/*.wgsl for the update that leaves step `step`: computed in float64 and rounded
 * once.
 *
 * @param averagesFrom - the step that the averages of the gradient begin at: as the gradient itself
 */
export function writeScalars(
  { optimizer, schedule }: Problem,
  step: number,
  averagesFrom: number | undefined,
  to: Float32Array,
): void {
  const { warmupSteps } = schedule;
  const warm = step < warmupSteps ? step / warmupSteps : 1;
  const rate = optimizer.learningRate * warm;
  if (optimizer.grokfast !== undefined) {
    const alpha = step === averagesFrom ? 0 : optimizer.grokfast.alpha;
    to.set([alpha, 1 - alpha, optimizer.grokfast.lambda], 8);
  }
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
