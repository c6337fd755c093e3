import type { SessionInfo } from "@grokbox/sdk";
import type { Measurements } from "../measurements.ts";
import type { RunName } from "../runs.ts";

/** What a session is made with. */
export function analyseSpec(of: RunName, { spec, step }: SessionInfo, into: Measurements): void {
  const { init, optimizer, split } = spec;
  into.add(of, "spec", {
    "init scale": "scale" in init ? init.scale : undefined,
    "learning rate": optimizer.learningRate,
    "weight decay": optimizer.weightDecay,
    "train fraction": "fraction" in split ? split.fraction : undefined,
    "warm-up steps": spec.schedule.warmupSteps,
    ...(optimizer.kind === "adamw"
      ? { beta1: optimizer.beta1, beta2: optimizer.beta2, epsilon: optimizer.epsilon }
      : {}),
    width: spec.width,
    seed: spec.seed,
    steps: step,
  });
}
