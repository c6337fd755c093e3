import { activations } from "../../model/spec.ts";
import type { Problem } from "../engine.ts";

/** The scalars of a problem in the order in which the kernel reads them: `problemFrom` in native/abi.h. */
export function problemScalars({
  modulus,
  width,
  activation,
  optimizer,
  schedule,
  embedding,
}: Problem): Float64Array {
  const adamw = optimizer.kind === "adamw";
  return Float64Array.of(
    modulus,
    width,
    activations.indexOf(activation),
    adamw ? 0 : 1,
    optimizer.learningRate,
    optimizer.weightDecay,
    adamw ? optimizer.beta1 : 0,
    adamw ? optimizer.beta2 : 0,
    adamw ? optimizer.epsilon : 0,
    schedule.warmupSteps,
    embedding?.dimension ?? 0,
    optimizer.grokfast === undefined ? 0 : 1,
    optimizer.grokfast?.alpha ?? 0,
    optimizer.grokfast?.lambda ?? 0,
  );
}
