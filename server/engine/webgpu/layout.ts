import type { Plan } from "./plan.ts";

type Layout = Pick<Plan, "quads"> & { readonly shape: Pick<Plan["shape"], "modulus" | "width"> };

/** From [M, p] as everywhere to [p, quads, 4] as on the device, padded with zeros. */
export function layoutLayer(rows: Float32Array, { shape, quads }: Layout, to: Float32Array): void {
  const { modulus, width } = shape;
  for (let m = 0; m < width; m++) {
    for (let j = 0; j < modulus; j++) to[j * 4 * quads + m] = rows[m * modulus + j];
  }
}

/** The way back. */
export function unlayLayer(from: Float32Array, { shape, quads }: Layout): Float32Array {
  const { modulus, width } = shape;
  const rows = new Float32Array(width * modulus);
  for (let m = 0; m < width; m++) {
    for (let j = 0; j < modulus; j++) rows[m * modulus + j] = from[j * 4 * quads + m];
  }
  return rows;
}
