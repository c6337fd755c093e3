export interface RawTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: ArrayBufferView;
}

export type RawEntry = Record<string, unknown>;

/** A safetensors file with any text or bytes as its header. */
export function rawFile(header: string | Uint8Array, data: readonly ArrayBufferView[] = []): Uint8Array {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const parts = data.map((view) => Buffer.from(view.buffer, view.byteOffset, view.byteLength));
  return new Uint8Array(Buffer.concat([length, text, ...parts]));
}

/** A safetensors file of these tensors, one after another; `change` may falsify the header's entries first. */
export function safetensorsOf(
  tensors: readonly RawTensor[],
  metadata?: Readonly<Record<string, unknown>>,
  change: (header: Record<string, RawEntry>) => void = () => {},
): Uint8Array {
  const header: Record<string, RawEntry> = {};
  if (metadata !== undefined) header.__metadata__ = metadata;
  let offset = 0;
  for (const { name, dtype, shape, data } of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  change(header);
  return rawFile(
    JSON.stringify(header),
    tensors.map(({ data }) => data),
  );
}

/** F32 [M, p] of this value. */
export function constant(
  name: string,
  value: number,
  [width, modulus]: readonly number[] = [8, 5],
): RawTensor {
  return {
    name,
    dtype: "F32",
    shape: [width!, modulus!],
    data: new Float32Array(width! * modulus!).fill(value),
  };
}

/** `theta` and `xi`, the least that a file must have. */
export function weights(shape?: readonly number[]): RawTensor[] {
  return [constant("theta", 1, shape), constant("xi", 2, shape)];
}

export function moments(shape?: readonly number[]): RawTensor[] {
  return [
    constant("theta_first", 3, shape),
    constant("theta_second", 4, shape),
    constant("xi_first", 5, shape),
    constant("xi_second", 6, shape),
  ];
}

/** `theta`, `xi` and a `train` of p = 5. */
export function withTrain(dtype: string, shape: readonly number[], data: ArrayBufferView): Uint8Array {
  return safetensorsOf([...weights(), { name: "train", dtype, shape, data }]);
}
