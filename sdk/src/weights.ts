import type { MessageInitShape } from "@bufbuild/protobuf";
import { DataType, type ManifestSchema } from "@grokbox/proto/tensor";
import { runtime } from "#runtime";
import { defined } from "./defined.ts";
import { invalidField } from "./error.ts";
import { bytesOf, type Tensor } from "./tensor.ts";

/** A network's state. All arrays are float32 [M, p], row-major. */
export interface Weights {
  /** Input weights. */
  readonly theta: Tensor;
  /** Output weights. */
  readonly xi: Tensor;
  /** AdamW's. Left out: zero. */
  readonly moments?: Moments | undefined;
  /** Updates that led here; 0 without moments. @default 0 */
  readonly step?: number | undefined;
}

export interface Moments {
  readonly thetaFirst: Tensor;
  readonly thetaSecond: Tensor;
  readonly xiFirst: Tensor;
  readonly xiSecond: Tensor;
}

/** In the order in which they travel. */
export const arrayNames = ["theta", "xi", "theta_first", "theta_second", "xi_first", "xi_second"] as const;

export type ArrayName = (typeof arrayNames)[number];

/** The arrays of a state in the order in which they travel. Throws INVALID_FIELD for a shape that its data doesn't have. */
export function arraysOf({ theta, xi, moments }: Weights): { name: ArrayName; tensor: Tensor }[] {
  const tensors: Partial<Record<ArrayName, Tensor | undefined>> = {
    theta,
    xi,
    theta_first: moments?.thetaFirst,
    theta_second: moments?.thetaSecond,
    xi_first: moments?.xiFirst,
    xi_second: moments?.xiSecond,
  };
  return arrayNames.flatMap((name) => {
    const tensor = tensors[name];
    if (tensor === undefined) return [];
    const { data, shape } = tensor;
    if (!(data instanceof Float32Array)) throw invalidField(name, "must be a Float32Array with its shape");
    if (shape.length !== 2 || shape[0]! * shape[1]! !== data.length) {
      throw invalidField(name, `must have a shape [M, p] of its ${data.length} numbers`, `[${shape}]`);
    }
    return [{ name, tensor }];
  });
}

/** The state that named arrays make; undefined when theta or xi is missing. */
export function weightsFrom(
  arrays: ReadonlyMap<string, Tensor>,
): Pick<Weights, "theta" | "xi" | "moments"> | undefined {
  const [theta, xi, thetaFirst, thetaSecond, xiFirst, xiSecond] = arrayNames.map((name) => arrays.get(name));
  if (theta === undefined || xi === undefined) return undefined;
  const whole = thetaFirst && thetaSecond && xiFirst && xiSecond;
  return {
    theta,
    xi,
    ...defined({ moments: whole && { thetaFirst, thetaSecond, xiFirst, xiSecond } }),
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
