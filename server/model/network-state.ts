/** Numbers in a row, of either precision. */
export type Vector = Float32Array | Float64Array;

/**
 * Everything that a network carries from one step to the next, row-major. theta and xi are [M, p]. What is trained is either those
 * two, or, with a learned embedding, its two factors and xi; moments and averages are there for each trained array and have its shape.
 */
export interface NetworkState<V extends Vector = Float32Array> {
  /** Number of updates made so far. */
  readonly step: number;
  /** With `factors` their product, which is computed from them and not trained itself. */
  readonly theta: V;
  readonly xi: V;
  /** First and second moments of AdamW; absent for SGD, and absent means zero for AdamW. */
  readonly moments?: Moments<V>;
  /** Running means of the gradient; absent without Grokfast, and absent with it means that they begin with the next gradient. */
  readonly averages?: Averages<V>;
  /** Of theta, when the embedding is learned. */
  readonly factors?: Factors<V>;
}

/** theta = projection embedding, i.e. W_in W_E. */
export interface Factors<V extends Vector = Float32Array> {
  /** W_E, [d, p]. */
  readonly embedding: V;
  /** W_in, [M, d]. */
  readonly projection: V;
}

export interface Moments<V extends Vector = Float32Array> {
  /** Absent with a learned embedding, as `thetaSecond`. */
  readonly thetaFirst?: V;
  readonly thetaSecond?: V;
  readonly xiFirst: V;
  readonly xiSecond: V;
  /** Only with a learned embedding, as the three others of its factors. */
  readonly embeddingFirst?: V;
  readonly embeddingSecond?: V;
  readonly projectionFirst?: V;
  readonly projectionSecond?: V;
}

export interface Averages<V extends Vector = Float32Array> {
  /** Absent with a learned embedding. */
  readonly thetaAverage?: V;
  readonly xiAverage: V;
  /** Only with a learned embedding. */
  readonly embeddingAverage?: V;
  readonly projectionAverage?: V;
}

/** Every array that a state may have, in the order in which arrays are listed everywhere. */
export const stateArrayNames = [
  "theta",
  "xi",
  "thetaFirst",
  "thetaSecond",
  "xiFirst",
  "xiSecond",
  "thetaAverage",
  "xiAverage",
  "embedding",
  "projection",
  "embeddingFirst",
  "embeddingSecond",
  "projectionFirst",
  "projectionSecond",
  "embeddingAverage",
  "projectionAverage",
] as const;

export type StateArrayName = (typeof stateArrayNames)[number];

/** A state's arrays by name. */
export type StateArrays<V extends Vector = Float32Array> = {
  readonly [name in StateArrayName]?: V | undefined;
};

/** Which of the optional groups of arrays a state has. */
export interface StateKind {
  readonly moments: boolean;
  readonly averages: boolean;
  readonly factors: boolean;
}

/** The arrays that a state of this kind has, in order. */
export function arrayNamesOf({ moments, averages, factors }: StateKind): StateArrayName[] {
  return stateArrayNames.filter((name) => {
    if (name === "theta" || name === "xi") return true;
    const isFactor = name.startsWith("embedding") || name.startsWith("projection");
    if (isFactor ? !factors : factors && name.startsWith("theta")) return false;
    if (name.endsWith("Average")) return averages;
    return name === "embedding" || name === "projection" || moments;
  });
}

/** [rows, columns] of one of a state's arrays; `dimension` is d. */
export function shapeOf(
  name: StateArrayName,
  { modulus, width, dimension }: { modulus: number; width: number; dimension: number },
): readonly [number, number] {
  if (name.startsWith("embedding")) return [dimension, modulus];
  return name.startsWith("projection") ? [width, dimension] : [width, modulus];
}

/** Numbers in all arrays of a state of this kind together. */
export function stateSize(
  kind: StateKind,
  shape: { modulus: number; width: number; dimension: number },
): number {
  return arrayNamesOf(kind).reduce((sum, name) => {
    const [rows, columns] = shapeOf(name, shape);
    return sum + rows * columns;
  }, 0);
}

export function arraysOf<V extends Vector>({
  theta,
  xi,
  moments,
  averages,
  factors,
}: Omit<NetworkState<V>, "step">): StateArrays<V> {
  return { theta, xi, ...moments, ...averages, ...factors };
}

/** The weights that are trained: theta and xi, or W_E, W_in and xi. */
export function trainedWeights<V extends Vector>({
  theta,
  xi,
  factors,
}: Pick<NetworkState<V>, "theta" | "xi" | "factors">): V[] {
  return factors === undefined ? [theta, xi] : [factors.embedding, factors.projection, xi];
}

/** The state that these arrays make, which must be those of one kind of state. */
export function stateFrom<V extends Vector>(step: number, arrays: StateArrays<V>): NetworkState<V> {
  const { theta, xi, embedding, projection } = arrays as StateArrays<V> & { theta: V; xi: V };
  const group = (suffix: RegExp) =>
    Object.fromEntries(
      stateArrayNames.flatMap((name) =>
        arrays[name] !== undefined && suffix.test(name) ? [[name, arrays[name]]] : [],
      ),
    );
  return {
    step,
    theta,
    xi,
    ...(arrays.xiFirst && { moments: group(/First$|Second$/) as unknown as Moments<V> }),
    ...(arrays.xiAverage && { averages: group(/Average$/) as unknown as Averages<V> }),
    ...(embedding && projection && { factors: { embedding, projection } }),
  };
}
