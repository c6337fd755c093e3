import { readFileSync } from "node:fs";

/** A float32 tensor of a safetensors file. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Reads the float32 tensors of a safetensors file: 8 bytes header length, JSON header, little-endian row-major data. */
export function readSafetensors(path: string): ReadonlyMap<string, Tensor> {
  const bytes = readFileSync(path);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + headerLength));
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of Object.entries<{ dtype: string; shape: number[]; data_offsets: number[] }>(
    header,
  )) {
    if (name === "__metadata__") continue;
    if (entry.dtype !== "F32") throw new TypeError(`${path}: ${name} is ${entry.dtype}, expected F32`);
    const [start, end] = entry.data_offsets;
    const data = bytes.subarray(8 + headerLength + start, 8 + headerLength + end);
    tensors.set(name, { shape: entry.shape, values: new Float32Array(Uint8Array.from(data).buffer) });
  }
  return tensors;
}
