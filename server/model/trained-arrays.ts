import { arraysOf, type NetworkState, stateFrom, type Vector } from "./network-state.ts";

type Name = "theta" | "xi" | "embedding" | "projection";

/** An array that the optimizer changes, with what it keeps of it; all of one length, changed in place. */
export interface TrainedArray<V extends Vector> {
  readonly name: Name;
  readonly weights: V;
  readonly first: V;
  readonly second: V;
  readonly average: V;
}

/** Copies of the arrays of a state that are trained: theta, or its factors, then xi. What the state lacks is zero. */
export function trainedArrays<V extends Vector>(
  start: Omit<NetworkState<Vector>, "step">,
  copy: (values: ArrayLike<number>) => V,
): TrainedArray<V>[] {
  const arrays = arraysOf(start);
  const names: readonly Name[] =
    start.factors === undefined ? ["theta", "xi"] : ["embedding", "projection", "xi"];
  return names.map((name) => {
    const values = arrays[name]!;
    const kept = (suffix: "First" | "Second" | "Average") =>
      copy(arrays[`${name}${suffix}`] ?? new Float64Array(values.length));
    return {
      name,
      weights: copy(values),
      first: kept("First"),
      second: kept("Second"),
      average: kept("Average"),
    };
  });
}

/** The state that trained arrays are of, sharing their memory. */
export function stateOfTrained<V extends Vector>(
  step: number,
  theta: V,
  trained: readonly TrainedArray<V>[],
): NetworkState<V> {
  const arrays = trained.flatMap(({ name, weights, first, second, average }) => [
    [name, weights],
    [`${name}First`, first],
    [`${name}Second`, second],
    [`${name}Average`, average],
  ]);
  return stateFrom(step, { theta, ...Object.fromEntries(arrays) });
}
