import type { StateArrayName } from "../../model/network-state.ts";
import type { Shape } from "./plan.ts";

/**
 * An array of a network's state on the device, [rows, 4 quads]. Everywhere else it is [M, p], [M, d] or [d, p] row-major; here neurons
 * are within a row. The factors of theta are stored row by row, theta and xi, and what is kept of them, quad by quad.
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
  /** From a quad to that of the next row, and to the next of its own. */
  readonly strides: readonly [row: number, quad: number];
}

/** What lies in a slot: all weights, theta first, then each kind of what is kept of those that are trained, then the labels and classes of the pairs. */
export interface StateLayout {
  readonly arrays: readonly StoredArray[];
  /** Quads of the weights that are trained, which come last of all weights: so far is a weight from its first moment. */
  readonly trained: number;
  /** Quads from a weight to the running mean of its gradient; 0: there is none. */
  readonly toAverage: number;
  /** Quads before the pairs' labels and classes, four bytes a pair. */
  readonly entries: number;
  /** Quads of a slot. */
  readonly size: number;
}

/** A slot is a multiple of so many: where a binding may begin, 256 bytes, on every device. */
const slotQuads = 16;

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
    const isLayer = name.startsWith("theta") || name.startsWith("xi");
    const strides = isLayer ? ([1, rows] as const) : ([quads, 1] as const);
    arrays.push({ name, first: size, rows, length, quads, strides });
    size += rows * quads;
  }
  const first = arrays.find(({ name }) => name === trained[0])!;
  const pairs = (modulus * (modulus + 1)) / 2;
  const end = arrays[weights.length]?.first ?? size;
  const count = end - first.first;
  return {
    arrays,
    trained: count,
    toAverage: grokfast ? kept.length * count : 0,
    entries: size,
    size: Math.ceil((size + Math.ceil(pairs / 4)) / slotQuads) * slotQuads,
  };
}

/** Puts an array where it lies on the device. */
export function layOut(values: Float32Array, stored: StoredArray, slot: Float32Array): void {
  const [row, column] = stridesOf(stored);
  const at = placeOf(stored);
  for (let r = 0; r < stored.rows; r++) {
    for (let i = 0; i < stored.length; i++) slot[at(r, i)] = values[r * row + i * column];
  }
}

/** The way back. */
export function readOut(slot: Float32Array, stored: StoredArray): Float32Array {
  const { rows, length } = stored;
  const [row, column] = stridesOf(stored);
  const at = placeOf(stored);
  const values = new Float32Array(rows * length);
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < length; i++) values[r * row + i * column] = slot[at(r, i)];
  }
  return values;
}

/** Where number `i` of a row is in the slot. */
function placeOf({ first, strides: [row, quad] }: StoredArray) {
  return (r: number, i: number) => 4 * (first + r * row + (i >> 2) * quad) + (i & 3);
}

/** Of a row on the device, and within it, among an array's numbers. */
function stridesOf({ name, rows, length }: StoredArray): [row: number, column: number] {
  return name.startsWith("embedding") ? [length, 1] : [1, rows];
}
