import type { KernelPlan, Kernels, WorkgroupLimits } from "./plan.ts";
import { type Constants, evenly, quadBytes } from "./shader.ts";

/** About as many workgroups as keep the multiprocessors of a large GPU busy, and parts of a sum that are still cheap to add up. */
const [fillingGroups, mostSplits] = [480, 24];

/** A workgroup's tile of one of the matrix products: quads of an invocation and invocations, in each direction, and how deep. */
export interface Tile {
  readonly rowQuads?: number;
  readonly columnQuads?: number;
  readonly rows?: number;
  readonly depth?: number;
}

/** A workgroup's tile of tiled-theta.wgsl: residues, differences and quads of neurons of an invocation, and how many logits at a time. */
export interface ThetaTile {
  readonly residues?: number;
  readonly differences?: number;
  readonly neuronQuads?: number;
  readonly depth?: number;
}

/** How the tiled kernels are cut up; what `planOf` chooses by itself where a value is left out. */
export interface TiledTuning {
  readonly forward?: Tile;
  readonly xi?: Tile;
  readonly theta?: ThetaTile;
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
  const thetaGroups = Math.ceil(quads / (theta.NEURON_QUADS * theta.THETA_COLUMNS));
  const thetaTiles = Math.ceil(modulus / theta.RESIDUES) * Math.ceil((modulus + 1) / 2 / theta.DIFFERENCES);
  // Each a tile or more.
  const THETA_SPLITS = splits(thetaGroups, 4 * thetaTiles);

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
    kernel("backward", "tiled-theta.wgsl", [thetaGroups, THETA_SPLITS], theta),
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
function thetaTile(modulus: number, limits: WorkgroupLimits, tile: ThetaTile = {}) {
  const isLarge = limits.sums >= 64;
  const differences = (modulus + 1) / 2;
  const RESIDUES = evenly(modulus, tile.residues ?? 14);
  const DIFFERENCES = evenly(differences, tile.differences ?? (isLarge ? 10 : 3));
  const NEURON_QUADS = tile.neuronQuads ?? (isLarge ? 3 : 1);
  const THETA_DEPTH = tile.depth ?? depthOf(modulus);
  const seconds = Math.min(modulus, RESIDUES + DIFFERENCES - 1);
  const room = (columns: number) =>
    Math.max(
      THETA_DEPTH * (NEURON_QUADS * columns + RESIDUES * Math.ceil(DIFFERENCES / 4) + 1),
      seconds * NEURON_QUADS * columns,
    );
  const THETA_COLUMNS = bestRows(
    RESIDUES,
    limits.invocations,
    (columns) => room(columns) * quadBytes + 64 <= limits.memoryBytes,
  );
  const threads = RESIDUES * THETA_COLUMNS;
  return {
    ...{ RESIDUES, DIFFERENCES, NEURON_QUADS, THETA_DEPTH, THETA_COLUMNS, ROOM: room(THETA_COLUMNS) },
    THETA_GRADIENT_ITEMS: Math.ceil((THETA_DEPTH * DIFFERENCES) / THETA_COLUMNS),
    THETA_OUTPUT_ITEMS: Math.ceil((THETA_DEPTH * NEURON_QUADS * THETA_COLUMNS) / threads),
  };
}

/** Of 6 to 10 logits at a time, as many as leave the last tile the fullest. */
function depthOf(modulus: number): number {
  const idle = (depth: number) => Math.ceil(modulus / depth) * depth - modulus;
  return [10, 9, 8, 7, 6].reduce((best, depth) => (idle(depth) < idle(best) ? depth : best));
}

/** Rows of invocations beside `columns` of them, about four warps in all: more or fewer were slower on a large GPU. */
function bestRows(columns: number, most: number, fits: (rows: number) => boolean): number {
  let rows = Math.max(1, Math.min(Math.floor(most / columns), Math.round(128 / columns)));
  while (rows > 1 && !fits(rows)) rows--;
  return rows;
}
