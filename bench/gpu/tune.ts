import { type FusedTile, type FusedTuning, largeTiles } from "../../server/engine/webgpu/fused-plan.ts";
import type { Tuning } from "../../server/engine/webgpu/plan.ts";
import type { TiledTuning } from "../../server/engine/webgpu/tiled-plan.ts";
import type { Shape } from "../engine-speed.ts";
import { Card } from "./card.ts";

/** One way to cut up the kernels of a shape, measured. */
export interface Tried extends Shape {
  readonly members: number;
  readonly tuning: Tuning;
  /** Of all members together, by the card's clock alone; NaN: it failed. */
  readonly stepsPerSecond: number;
  /** Whether some steps leave the bits that they left with the first way that adds in the same order. */
  readonly sameBits: boolean;
  readonly isBest: boolean;
}

export interface TuneOptions {
  readonly allowSoftware: boolean;
  /** Of each measurement. */
  readonly seconds: number;
  readonly members: readonly number[];
}

/** Values to try one after another, each with the best of those before it. */
type Choices<T> = { readonly [K in keyof T]?: readonly T[K][] };

const fusedOrder: Choices<FusedTuning> = { neuronParts: [16, 8, 32] };
const fusedTile: Choices<FusedTile> = {
  sums: [96, 138],
  differences: [1, 2, 3, 4, 6, 12],
  pairLanes: [4, 8, 16, 32],
  ahead: [1, 2, 4, 8],
  many: [false, true],
  neurons: [4, 8, 16, 32, 64, 128, 256],
  staged: [true, false],
};
/** Quads of rows of an invocation, rows of a workgroup, and depth. */
const tiles = [
  { rowQuads: 3, rows: 16, depth: 8 },
  { rowQuads: 2, rows: 16, depth: 8 },
  { rowQuads: 3, rows: 32, depth: 8 },
  { rowQuads: 2, rows: 32, depth: 8 },
  { rowQuads: 3, rows: 16, depth: 16 },
  { rowQuads: 2, rows: 16, depth: 16 },
];
const tiled: readonly (readonly TiledTuning[])[] = [
  [528, 264, 396, 792].map((fillingGroups) => ({ fillingGroups })),
  tiles.map((forward) => ({ forward })),
  tiles.map((xi) => ({ xi })),
  [2, 1].map((buffers) => ({ forward: { buffers } })),
  [2, 1].map((buffers) => ({ xi: { buffers } })),
  [2, 1].map((buffers) => ({ theta: { buffers } })),
  // The larger an invocation's share, the fewer workgroups a multiprocessor has at once.
  [2, 3, 4].flatMap((neuronQuads) =>
    [7, 10, 13].flatMap((differences) =>
      [528, 396, 360, 264].map((fillingGroups) => ({ theta: { neuronQuads, differences, fillingGroups } })),
    ),
  ),
  [8, 4, 16].map((residues) => ({ theta: { residues } })),
  [7, 14].map((depth) => ({ theta: { depth } })),
  [528, 264, 396, 792].map((fillingGroups) => ({ fillingGroups })),
];

/** Looks for the fastest ways to cut up the kernels of this machine's GPU. */
export async function* tune(options: TuneOptions): AsyncGenerator<Tried> {
  const card = await Card.open(options.allowSoftware);
  const small = { p: 23, width: 512 };
  for (const members of options.members) {
    const search = new Search(card, small, members, options);
    const tile = { ...largeTiles.findLast((large) => large.members <= members)!, members: 1 };
    let tuning: FusedTuning = { neuronParts: 16, tiles: [tile] };
    for (const key of Object.keys(fusedOrder) as (keyof FusedTuning)[]) {
      const ways = fusedOrder[key]!.map((value) => ({ ...tuning, [key]: value }));
      tuning = yield* search.best(ways);
    }
    for (const key of Object.keys(fusedTile) as (keyof FusedTile)[]) {
      const ways = fusedTile[key]!.map((value) => ({
        ...tuning,
        tiles: [{ ...tuning.tiles![0], [key]: value }],
      }));
      tuning = yield* search.best(ways);
    }
  }
  const search = new Search(card, { p: 97, width: 9107 }, 1, options);
  let tuning: TiledTuning = {};
  for (const choices of tiled) {
    const ways = choices.map((choice) => ({
      ...tuning,
      ...choice,
      forward: { ...tuning.forward, ...choice.forward },
      xi: { ...tuning.xi, ...choice.xi },
      theta: { ...tuning.theta, ...choice.theta },
    }));
    tuning = yield* search.best(ways);
  }
}

class Search {
  readonly #card: Card;
  readonly #shape: Shape;
  readonly #members: number;
  readonly #options: TuneOptions;
  /** Weights after some steps, by what decides their bits. */
  readonly #bits = new Map<string, Buffer>();

  constructor(card: Card, shape: Shape, members: number, options: TuneOptions) {
    this.#card = card;
    this.#shape = shape;
    this.#members = members;
    this.#options = options;
  }

  async *best<T extends Tuning>(ways: readonly T[]): AsyncGenerator<Tried, T> {
    let best = { way: ways[0], speed: 0 };
    for (const way of ways) {
      const { stepsPerSecond, sameBits } = await this.#measure(way);
      const isBest = sameBits && stepsPerSecond > best.speed;
      if (isBest) best = { way, speed: stepsPerSecond };
      yield { ...this.#shape, members: this.#members, tuning: way, stepsPerSecond, sameBits, isBest };
    }
    return best.way;
  }

  async #measure(tuning: Tuning): Promise<{ stepsPerSecond: number; sameBits: boolean }> {
    try {
      const { seconds } = this.#options;
      const { pass, bits } = await this.#card.measure(this.#shape, this.#members, 1000 * seconds, tuning);
      return { stepsPerSecond: (1e6 * this.#members) / pass, sameBits: this.#isSame(tuning, bits) };
    } catch (error) {
      console.error(`${JSON.stringify(tuning)}: ${(error as Error).message}`);
      return { stepsPerSecond: Number.NaN, sameBits: false };
    }
  }

  /** Of the tiled kernels every way adds in its own order, but for how many buffers it has. */
  #isSame({ neuronParts, ...tuning }: Tuning, bits: Buffer): boolean {
    const order = JSON.stringify([neuronParts, tuning.tiles === undefined && tuning], (key, value) =>
      key === "buffers" ? undefined : value,
    );
    const first = this.#bits.get(order);
    if (first === undefined) this.#bits.set(order, bits);
    return first?.equals(bits) ?? true;
  }
}
