import { arrayNamesOf, type StateArrayName, type StateArrays } from "../../model/network-state.ts";
import { lengthOf } from "../checks.ts";
import type { Problem } from "../engine.ts";

/** The arrays of `State` in native/abi.h, in its order: each layer's weights, first and second moment and average. */
export const stateLayout: readonly StateArrayName[] = (
  ["theta", "xi", "projection", "embedding"] as const
).flatMap((layer) => [layer, `${layer}First`, `${layer}Second`, `${layer}Average`] as const);

/** Those that the whole state of a trainer has. */
export function trainerArrays({ optimizer, embedding }: Problem): StateArrayName[] {
  return arrayNamesOf({
    moments: optimizer.kind === "adamw",
    averages: optimizer.grokfast !== undefined,
    factors: embedding !== undefined,
  });
}

/** Fresh arrays for the whole state of a trainer. */
export function newArrays(problem: Problem): StateArrays {
  return Object.fromEntries(
    trainerArrays(problem).map((name) => [name, new Float32Array(lengthOf(name, problem))]),
  );
}
