import type { StateArrayName } from "../../model/network-state.ts";
import type { Shape } from "./plan.ts";

/**
 * An array of a network's state on the device, [rows, 4 quads]. Everywhere else it is [M, p], [M, d] or [d, p] row-major; here neurons
 * are within a row, so that [M, p] is stored residue by residue.
 */
export interface StoredArray {
  readonly name: StateArrayName;
  /** Quads of its slot before it. */
  readonly first: number;
  readonly rows: number;
  /** Numbers in a row: neurons, or in W_E residues. */
  readonly length: number;
  /** Quads that they take, the last one padded with zeros. */
  readonly quads: number;
}

/** How a state lies in its slot: all weights, theta first, then each kind of what is kept of those that are trained. */
export interface StateLayout {
  readonly arrays: readonly StoredArray[];
  /** Quads of the weights that are trained, which come last of all weights: so far is a weight from its first moment. */
  readonly trained: number;
  /** Quads from a weight to the running mean of its gradient; 0: there is none. */
  readonly toAverage: number;
  /** Quads of a slot. */
  readonly size: number;
}

export function stateLayoutOf({ modulus, width, optimizer, dimension, grokfast }: Shape): StateLayout {
  const layers = ["theta", "xi"] as const;
  const weights = dimension > 0 ? ([...layers, "projection", "embedding"] as const) : layers;
  const trained = dimension > 0 ? weights.slice(1) : weights;
  const moments = optimizer === "adamw" ? (["First", "Second"] as const) : [];
  const kept = [...moments, ...(grokfast ? (["Average"] as const) : [])];
  const names = [
    ...weights,
    ...kept.flatMap((kind) => trained.map((name): StateArrayName => `${name}${kind}`)),
  ];
  const arrays: StoredArray[] = [];
  let size = 0;
  for (const name of names) {
    const length = name.startsWith("embedding") ? modulus : width;
    const rows = /^(embedding|projection)/.test(name) ? dimension : modulus;
    const quads = Math.ceil(length / 4);
    arrays.push({ name, first: size, rows, length, quads });
    size += rows * quads;
  }
  const first = arrays.find(({ name }) => name === trained[0])!;
  const end = arrays[weights.length]?.first ?? size;
  const count = end - first.first;
  return { arrays, trained: count, toAverage: grokfast ? kept.length * count : 0, size };
}

/** Puts an array where it lies on the device. */
export function layOut(values: Float32Array, stored: StoredArray, slot: Float32Array): void {
  const { first, rows, length, quads } = stored;
  const [row, column] = strides(stored);
  for (let r = 0; r < rows; r++) {
    const to = 4 * (first + r * quads);
    for (let i = 0; i < length; i++) slot[to + i] = values[r * row + i * column];
  }
}

/** The way back. */
export function readOut(slot: Float32Array, stored: StoredArray): Float32Array {
  const { first, rows, length, quads } = stored;
  const [row, column] = strides(stored);
  const values = new Float32Array(rows * length);
  for (let r = 0; r < rows; r++) {
    const from = 4 * (first + r * quads);
    for (let i = 0; i < length; i++) values[r * row + i * column] = slot[from + i];
  }
  return values;
}

/** Of a row on the device, and within it, among an array's numbers. */
function strides({ name, rows, length }: StoredArray): [row: number, column: number] {
  return name.startsWith("embedding") ? [length, 1] : [1, rows];
}
