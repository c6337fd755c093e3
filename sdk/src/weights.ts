import type { MessageInitShape } from "@bufbuild/protobuf";
import { DataType, type ManifestSchema } from "@grokbox/proto/tensor";
import { runtime } from "#runtime";
import { defined } from "./defined.ts";
import { invalidField } from "./error.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import type { Snapshot } from "./snapshot.ts";
import { bytesOf, type Tensor } from "./tensor.ts";

/**
 * A network's state, float32 and row-major: theta and xi [M, p]. Moments and averages are there for each array that is trained, theta and xi,
 * or with a learned embedding its factors and xi, and have its shape.
 */
export interface Weights {
  /** Input weights; with `factors` their product. */
  readonly theta: Tensor;
  /** Output weights. */
  readonly xi: Tensor;
  /** AdamW's. Left out: zero. */
  readonly moments?: Moments | undefined;
  /** Grokfast's running means of the gradient. Left out: they begin with the next gradient. */
  readonly averages?: Averages | undefined;
  /** Of a learned embedding. */
  readonly factors?: Factors | undefined;
  /** Updates that led here; 0 without moments. @default 0 */
  readonly step?: number | undefined;
}

/** theta = projection embedding. */
export interface Factors {
  /** W_E, [d, p]. */
  readonly embedding: Tensor;
  /** W_in, [M, d]. */
  readonly projection: Tensor;
}

export interface Moments {
  /** As `thetaSecond` absent with a learned embedding. */
  readonly thetaFirst?: Tensor;
  readonly thetaSecond?: Tensor;
  readonly xiFirst: Tensor;
  readonly xiSecond: Tensor;
  /** Only with a learned embedding, as those below. */
  readonly embeddingFirst?: Tensor;
  readonly embeddingSecond?: Tensor;
  readonly projectionFirst?: Tensor;
  readonly projectionSecond?: Tensor;
}

export interface Averages {
  /** Absent with a learned embedding. */
  readonly thetaAverage?: Tensor;
  readonly xiAverage: Tensor;
  /** Only with a learned embedding. */
  readonly embeddingAverage?: Tensor;
  readonly projectionAverage?: Tensor;
}

/** A snapshot with its arrays may be given as it is. */
const weightsKeys: Known<Weights & Snapshot> = {
  theta: true,
  xi: true,
  moments: true,
  averages: true,
  factors: true,
  step: true,
  name: true,
  spec: true,
  createTime: true,
  kind: true,
  label: true,
  forks: true,
  bytes: true,
  sha256: true,
};

const momentsKeys: Known<Moments> = {
  thetaFirst: true,
  thetaSecond: true,
  xiFirst: true,
  xiSecond: true,
  embeddingFirst: true,
  embeddingSecond: true,
  projectionFirst: true,
  projectionSecond: true,
};

const averagesKeys: Known<Averages> = {
  thetaAverage: true,
  xiAverage: true,
  embeddingAverage: true,
  projectionAverage: true,
};

const factorsKeys: Known<Factors> = { embedding: true, projection: true };

/** In the order in which they travel. */
export const arrayNames = [
  "theta",
  "xi",
  "theta_first",
  "theta_second",
  "xi_first",
  "xi_second",
  "theta_average",
  "xi_average",
  "embedding",
  "projection",
  "embedding_first",
  "embedding_second",
  "projection_first",
  "projection_second",
  "embedding_average",
  "projection_average",
] as const;

export type ArrayName = (typeof arrayNames)[number];

/** `theta_first` is `thetaFirst` here. */
const property = (name: string) => name.replace(/_(.)/, (_, letter: string) => letter.toUpperCase());

/**
 * The arrays of a state in the order in which they travel. Throws INVALID_FIELD for a shape that its data doesn't have, and for arrays of
 * a name that there is none: moments that are left out are zero.
 */
export function arraysOf(weights: Weights): { name: ArrayName; tensor: Tensor }[] {
  const { theta, xi, moments, averages, factors } = weights;
  refuseUnknown(weights, weightsKeys, "weights");
  refuseUnknown(moments, momentsKeys, "weights.moments");
  refuseUnknown(averages, averagesKeys, "weights.averages");
  refuseUnknown(factors, factorsKeys, "weights.factors");
  const tensors: Record<string, Tensor | undefined> = { theta, xi, ...moments, ...averages, ...factors };
  return arrayNames.flatMap((name) => {
    const tensor = tensors[property(name)];
    if (tensor === undefined) return [];
    const { data, shape } = tensor;
    if (!(data instanceof Float32Array)) throw invalidField(name, "must be a Float32Array with its shape");
    if (shape.length !== 2 || shape[0]! * shape[1]! !== data.length) {
      throw invalidField(
        name,
        `must have a shape [rows, columns] of its ${data.length} numbers`,
        `[${shape}]`,
      );
    }
    return [{ name, tensor }];
  });
}

/** The state that named arrays make; undefined when theta or xi is missing. */
export function weightsFrom(arrays: ReadonlyMap<string, Tensor>): Omit<Weights, "step"> | undefined {
  const [theta, xi] = [arrays.get("theta"), arrays.get("xi")];
  if (theta === undefined || xi === undefined) return undefined;
  const group = (names: RegExp) => {
    const found = [...arrays].filter(([name]) => names.test(name));
    if (found.length === 0) return undefined;
    return Object.fromEntries(found.map(([name, tensor]) => [property(name), tensor])) as never;
  };
  return {
    theta,
    xi,
    ...defined<Omit<Weights, "step" | "theta" | "xi">>({
      moments: group(/_(first|second)$/),
      averages: group(/_average$/),
      factors: group(/^(embedding|projection)$/),
    }),
  };
}

/** What announces the arrays of a state. */
export function manifestOf(weights: Weights): MessageInitShape<typeof ManifestSchema> {
  const arrays = arraysOf(weights);
  const hash = runtime.sha256();
  for (const { tensor } of arrays) hash.update(bytesOf(tensor.data));
  return {
    tensors: arrays.map(({ name, tensor }) => ({
      name,
      dtype: DataType.FLOAT32,
      shape: [...tensor.shape],
    })),
    totalBytes: BigInt(arrays.reduce((sum, { tensor }) => sum + tensor.data.byteLength, 0)),
    sha256: hash.digest(),
  };
}
