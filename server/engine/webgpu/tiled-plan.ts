import type { KernelPlan, Kernels, WorkgroupLimits } from "./plan.ts";
import type { Constants } from "./shader.ts";

const quadBytes = 16;

/** About as many workgroups as keep the multiprocessors of a large GPU busy, and parts of a sum that are still cheap to add up. */
const [fillingGroups, mostSplits] = [480, 24];

/** A workgroup's tile of one of the matrix products: quads of an invocation and invocations, in each direction, and how deep. */
export interface Tile {
  readonly rowQuads?: number;
  readonly columnQuads?: number;
  readonly rows?: number;
  readonly depth?: number;
}

/** How the tiled kernels are cut up; what `planOf` chooses by itself where a value is left out. */
export interface TiledTuning {
  readonly forward?: Tile;
  readonly xi?: Tile;
  /** Rows are columns here: those of the residues are as many as there are. */
  readonly theta?: Tile;
  readonly fillingGroups?: number;
}

/** Three matrix products, cut into tiles, with what comes between and after them. */
export function tiledKernels(
  modulus: number,
  quads: number,
  pairs: number,
  limits: WorkgroupLimits,
  tuning: TiledTuning,
): Kernels {
  const splits = (tiles: number, steps: number) =>
    Math.max(
      1,
      Math.min(
        mostSplits,
        Math.floor(steps / 4),
        Math.round((tuning.fillingGroups ?? fillingGroups) / tiles),
      ),
    );

  const forward = productTile(modulus, limits, tuning.forward);
  const forwardTiles = Math.ceil(pairs / (4 * forward.ROW_QUADS * forward.ROWS)) * forward.COLUMN_TILES;
  const FORWARD_SPLITS = splits(forwardTiles, (quads * 4) / forward.DEPTH);
  const xi = productTile(modulus, limits, tuning.xi);
  const xiTiles = Math.ceil(quads / (xi.ROW_QUADS * xi.ROWS)) * xi.COLUMN_TILES;
  const XI_SPLITS = splits(xiTiles, pairs / xi.DEPTH);
  const theta = thetaTile(modulus, limits, tuning.theta);
  const thetaTiles = Math.ceil(quads / (theta.NEURON_QUADS * theta.THETA_COLUMNS));
  const THETA_SPLITS = splits(thetaTiles, (modulus + 1) / 2);

  const softmaxGroups = Math.ceil(pairs / 32);
  const updateGroups = Math.ceil((2 * modulus * quads) / 128);
  const common = { FORWARD_SPLITS, XI_SPLITS, THETA_SPLITS };
  const kernel = (
    entryPoint: string,
    file: string,
    [x, z]: readonly [number, number],
    constants: Constants = {},
  ): KernelPlan => ({
    entryPoint,
    files: [file],
    constants: { ...common, ...constants },
    groups: [x, z],
  });
  // Row length of the logit gradient.
  const pairStride = Math.ceil(pairs / 8) * 8;
  const list = [
    kernel("forward", "tiled-forward.wgsl", [forwardTiles, FORWARD_SPLITS], forward),
    kernel("softmax", "softmax.wgsl", [softmaxGroups, 1], { LOGITS_A_LANE: Math.ceil(modulus / 8) }),
    kernel("backward", "tiled-xi.wgsl", [xiTiles, XI_SPLITS], xi),
    kernel("backward", "tiled-theta.wgsl", [thetaTiles, THETA_SPLITS], theta),
    kernel("finish", "tiled-update.wgsl", [updateGroups, 1]),
  ];
  return {
    passes: [{ members: 1, kernels: list }],
    files: ["tiled.wgsl", "scratch.wgsl"],
    constants: { US: pairStride },
    forwardPartials: softmaxGroups,
    backwardPartials: updateGroups,
    logitGradientBytes: modulus * pairStride * 4,
    // The logits' partial sums are done with when those of the gradients come.
    scratchQuads: Math.max(
      (FORWARD_SPLITS * modulus * pairStride) / 4,
      (XI_SPLITS + THETA_SPLITS) * modulus * quads,
    ),
  };
}

/** Of tiled-forward.wgsl and tiled-xi.wgsl. */
function productTile(modulus: number, limits: WorkgroupLimits, tile: Tile = {}) {
  const side = limits.sums >= 64 ? 3 : 1;
  const { rowQuads: ROW_QUADS = side, columnQuads: COLUMN_QUADS = side, depth: DEPTH = 8 } = tile;
  const COLUMN_TILES = Math.ceil(modulus / 104);
  const COLUMNS = Math.ceil(modulus / COLUMN_TILES / (4 * COLUMN_QUADS));
  const bytes = (rows: number) => (ROW_QUADS * rows + COLUMN_QUADS * COLUMNS + 2) * DEPTH * quadBytes + 64;
  const ROWS =
    tile.rows ?? bestRows(COLUMNS, limits.invocations, (rows) => bytes(rows) <= limits.memoryBytes);
  const threads = ROWS * COLUMNS;
  return {
    ...{ ROWS, COLUMNS, COLUMN_TILES, DEPTH, ROW_QUADS, COLUMN_QUADS },
    // How many of a tile's items an invocation fetches.
    HIDDEN_ITEMS: Math.ceil((DEPTH * ROW_QUADS * ROWS) / threads),
    OUTPUT_ITEMS: Math.ceil((DEPTH * COLUMN_QUADS * COLUMNS) / threads),
    GRADIENT_ITEMS: Math.ceil((4 * DEPTH * COLUMN_QUADS * COLUMNS) / threads),
  };
}

/** Of tiled-theta.wgsl. */
function thetaTile(modulus: number, limits: WorkgroupLimits, tile: Tile = {}) {
  const { rowQuads: PAIR_QUADS = limits.sums >= 64 ? 3 : 1, columnQuads: NEURON_QUADS = 1 } = tile;
  // So deep that the last tile is about as full as the others.
  const THETA_DEPTH = tile.depth ?? Math.ceil(modulus / Math.ceil(modulus / 8));
  const rows = Math.ceil(modulus / (4 * PAIR_QUADS));
  const bytes = (columns: number) =>
    THETA_DEPTH * (NEURON_QUADS * columns + PAIR_QUADS * rows + 1) * quadBytes + 64;
  const THETA_COLUMNS =
    tile.rows ?? bestRows(rows, limits.invocations, (columns) => bytes(columns) <= limits.memoryBytes);
  const threads = rows * THETA_COLUMNS;
  return {
    ...{ THETA_COLUMNS, THETA_DEPTH, PAIR_QUADS, NEURON_QUADS },
    THETA_GRADIENT_ITEMS: Math.ceil((4 * THETA_DEPTH * PAIR_QUADS * rows) / threads),
    THETA_OUTPUT_ITEMS: Math.ceil((THETA_DEPTH * NEURON_QUADS * THETA_COLUMNS) / threads),
  };
}

/** Rows of invocations beside `columns` of them, about four warps in all: more or fewer were slower on a large GPU. */
function bestRows(columns: number, most: number, fits: (rows: number) => boolean): number {
  let rows = Math.max(1, Math.min(Math.floor(most / columns), Math.round(128 / columns)));
  while (rows > 1 && !fits(rows)) rows--;
  return rows;
}
