import { type FusedTile, type FusedTuning, largeTiles } from "../../server/engine/webgpu/fused-plan.ts";
import type { Plan } from "../../server/engine/webgpu/plan.ts";
import { quadBytes } from "../../server/engine/webgpu/shader.ts";
import type { ThetaTile, Tile, TiledTuning } from "../../server/engine/webgpu/tiled-plan.ts";
import { Card } from "./card.ts";
import { type Bench, Search, type Subject, type Told } from "./search.ts";

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

const wide: Subject = { p: 97, width: 9107, members: 1 };
const buffers = [{}, { buffers: 2 }];
const products: readonly Tile[] = across(
  [{}, { rowQuads: 2, fillingGroups: 396 }, { rowQuads: 2, depth: 16 }],
  buffers,
);
/** The larger an invocation's share, the fewer workgroups a multiprocessor has at once. */
const thetas: readonly ThetaTile[] = across(
  across(
    [
      { neuronQuads: 2, differences: 7, fillingGroups: 528 },
      { neuronQuads: 3, differences: 7, fillingGroups: 396 },
      { neuronQuads: 4, differences: 7, fillingGroups: 396 },
      { neuronQuads: 3, differences: 10, fillingGroups: 396 },
      { neuronQuads: 4, differences: 10, fillingGroups: 264 },
    ],
    buffers,
  ),
  [{}, { slopesAtOnce: true }],
);
/** Ways to try with the best of the lists before, and the kernels that they change, with those that add up the partial sums of these. */
const tiled: readonly { readonly ways: readonly TiledTuning[]; readonly kernels?: readonly string[] }[] = [
  { ways: products.map((forward) => ({ forward })), kernels: ["tiled-forward", "softmax"] },
  { ways: products.map((xi) => ({ xi })), kernels: ["tiled-xi", "tiled-update"] },
  { ways: thetas.map((theta) => ({ theta })), kernels: ["tiled-theta", "tiled-update"] },
  { ways: [528, 264].map((fillingGroups) => ({ fillingGroups })) },
];

/** Of tiled-theta.wgsl's workgroups: with more a multiprocessor would have too few of them. */
const mostRoomBytes = 24 << 10;

/** Looks for the fastest ways to cut up the kernels of this machine's GPU. */
export async function* tune(options: TuneOptions): AsyncGenerator<Told> {
  const card = await Card.open(options.allowSoftware);
  const benchOf = (subject: Subject): Bench => ({
    planOf: (tuning) => card.planOf(subject, tuning),
    measure: (tuning) => card.measure(subject, subject.members, 1000 * options.seconds, tuning),
  });
  try {
    for (const members of options.members) {
      const subject = { p: 23, width: 512, members };
      yield* tuneFused(subject, benchOf(subject));
    }
    yield* tuneTiled(wide, benchOf(wide));
  } finally {
    card.destroy();
  }
}

async function* tuneFused(subject: Subject, bench: Bench): AsyncGenerator<Told> {
  const tile = { ...largeTiles.findLast(({ members }) => members <= subject.members)!, members: 1 };
  const search = new Search<FusedTuning>(subject, bench, { neuronParts: 16, tiles: [tile] });
  yield* search.choose([search.tuning]);
  for (const key of Object.keys(fusedOrder) as (keyof FusedTuning)[])
    yield* search.choose(fusedOrder[key]!.map((value) => ({ ...search.tuning, [key]: value })));
  for (const key of Object.keys(fusedTile) as (keyof FusedTile)[]) {
    const { tiles, ...order } = search.tuning;
    yield* search.choose(
      fusedTile[key]!.map((value) => ({ ...order, tiles: [{ ...tiles![0], [key]: value }] })),
    );
  }
  yield* search.end();
}

/** Of a wide network, in whose kernels each list is of one. */
export async function* tuneTiled(subject: Subject, bench: Bench): AsyncGenerator<Told> {
  const search = new Search<TiledTuning>(subject, bench, {});
  yield* search.choose([search.tuning]);
  for (const { ways, kernels } of tiled) {
    const all = ways.map((way) => ({ ...search.tuning, ...way }));
    yield* search.choose(
      all.filter((way) => roomBytes(bench.planOf(way)) <= mostRoomBytes),
      kernels,
    );
  }
  yield* search.end();
}

function roomBytes({ passes: [{ dispatches }] }: Plan): number {
  return Math.max(...dispatches.map(({ kernel }) => (kernel.constants.ROOM ?? 0) * quadBytes));
}

/** Every one of the first with every one of the others. */
function across<T, U>(first: readonly T[], others: readonly U[]): (T & U)[] {
  return first.flatMap((one) => others.map((other) => ({ ...one, ...other })));
}
