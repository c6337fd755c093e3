import type { KernelPlan, Kernels, WorkgroupLimits } from "./plan.ts";
import { type Constants, evenly, quadBytes } from "./shader.ts";

/** About as many workgroups as keep the multiprocessors of a large GPU busy, and parts of a sum that are still cheap to add up. */
const [fillingGroups, mostSplits] = [528, 64];

/** Of a workgroup, in warps of 4 rows by 8 columns. Of kernels before, with other warps, more or fewer than four were slower on a large GPU. */
const invocations = 128;

/** Columns of a workgroup of one of the two products, and logits in a row of them, at most. */
const [columns, mostLogits] = [8, 104];

/** A workgroup's tile of one of the matrix products: quads and rows of invocations, and how deep, a multiple of 8. */
export interface Tile {
  readonly rowQuads?: number;
  readonly rows?: number;
  readonly depth?: number;
}

/**
 * A workgroup's tile of tiled-theta.wgsl: residues, a multiple of 4; differences and quads of neurons of an invocation; and how many
 * logits at a time.
 */
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

  const COLUMN_TILES = Math.ceil(modulus / mostLogits);
  const TJ = Math.ceil(modulus / COLUMN_TILES / columns);
  const LOGIT_QUADS = (COLUMN_TILES * columns * TJ) / 4;
  /** As many rows an invocation as registers allow, or so few that the multiprocessors have a workgroup each. */
  const product = (rowQuads: number, depth: number, given: Tile | undefined) => {
    for (let most = productTile(TJ, limits, given).ROW_QUADS; ; most--) {
      const tile = productTile(TJ, limits, { rowQuads: most, ...given });
      const tiles = Math.ceil(rowQuads / (tile.ROW_QUADS * tile.ROWS)) * COLUMN_TILES;
      const count = splits(tiles, depth / tile.DEPTH);
      if (most === 1 || tiles * count >= fillingGroups / 4) return { tile, tiles, splits: count };
    }
  };
  const forward = product(Math.ceil(pairs / 4), 4 * quads, tuning.forward);
  const xi = product(quads, pairs, tuning.xi);
  const [FORWARD_SPLITS, XI_SPLITS] = [forward.splits, xi.splits];
  const theta = thetaTile(modulus, limits, tuning.theta);
  const thetaGroups = Math.ceil(quads / (theta.NEURON_QUADS * theta.THETA_COLUMNS));
  const thetaTiles = Math.ceil(modulus / theta.RESIDUES) * Math.ceil((modulus + 1) / 2 / theta.DIFFERENCES);
  // Each a tile or more.
  const THETA_SPLITS = splits(thetaGroups, 4 * thetaTiles);

  const softmaxGroups = Math.ceil(pairs / 16);
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
  const list = [
    kernel("forward", "tiled-forward.wgsl", [forward.tiles, FORWARD_SPLITS], forward.tile),
    kernel("softmax", "softmax.wgsl", [softmaxGroups, 1], { QUADS_A_LANE: Math.ceil(LOGIT_QUADS / 16) }),
    kernel("backward", "tiled-xi.wgsl", [xi.tiles, XI_SPLITS], xi.tile),
    kernel("backward", "tiled-theta.wgsl", [thetaGroups, THETA_SPLITS], theta),
    kernel("finish", "tiled-update.wgsl", [updateGroups, 1]),
  ];
  return {
    passes: [{ members: 1, kernels: list }],
    files: ["tiled.wgsl", "scratch.wgsl"],
    constants: { COLUMN_TILES, TJ, COLUMN_QUADS: Math.floor(TJ / 4), TAIL: TJ % 4, LOGIT_QUADS },
    forwardPartials: softmaxGroups,
    backwardPartials: updateGroups,
    logitGradientBytes: pairs * LOGIT_QUADS * quadBytes,
    // The logits' partial sums are done with when those of the gradients come.
    scratchQuads: Math.max(
      FORWARD_SPLITS * pairs * LOGIT_QUADS,
      (XI_SPLITS + THETA_SPLITS) * modulus * quads,
    ),
  };
}

/** Of tiled-forward.wgsl and tiled-xi.wgsl. */
function productTile(TJ: number, limits: WorkgroupLimits, tile: Tile = {}) {
  const rowQuads = Math.max(1, Math.min(6, Math.floor(limits.sums / 4 / TJ)));
  const { rowQuads: ROW_QUADS = rowQuads, rows: ROWS = invocations / columns, depth: DEPTH = 8 } = tile;
  return {
    ...{ ROWS, DEPTH, ROW_QUADS },
    // How many of a tile's quads an invocation fetches.
    HIDDEN_ITEMS: (DEPTH * ROW_QUADS) / columns,
    OUTPUT_ITEMS: Math.ceil((DEPTH * 2 * TJ) / (columns * ROWS)),
  };
}

/** Of tiled-theta.wgsl. */
function thetaTile(modulus: number, limits: WorkgroupLimits, tile: ThetaTile = {}) {
  const isLarge = limits.sums >= 64;
  const RESIDUES = tile.residues ?? 8;
  const DIFFERENCES = evenly((modulus + 1) / 2, tile.differences ?? (isLarge ? 10 : 3));
  const NEURON_QUADS = tile.neuronQuads ?? (isLarge ? 3 : 1);
  const THETA_DEPTH = tile.depth ?? depthOf(modulus);
  const THETA_COLUMNS = invocations / RESIDUES;
  const rowQuads = NEURON_QUADS * THETA_COLUMNS + 1;
  const gradientQuads = RESIDUES * Math.ceil(DIFFERENCES / 4) + 1;
  const seconds = Math.min(modulus, RESIDUES + DIFFERENCES - 1);
  return {
    ...{ RESIDUES, DIFFERENCES, NEURON_QUADS, THETA_DEPTH, THETA_COLUMNS },
    ROOM: Math.max(THETA_DEPTH * (gradientQuads + rowQuads), seconds * (rowQuads + 3)),
    THETA_GRADIENT_ITEMS: Math.ceil((THETA_DEPTH * RESIDUES * DIFFERENCES) / invocations),
    THETA_OUTPUT_ITEMS: Math.ceil((THETA_DEPTH * (rowQuads - 1)) / invocations),
  };
}

/** Of 6 to 10 logits at a time, as many as leave the last tile the fullest. */
function depthOf(modulus: number): number {
  const idle = (depth: number) => Math.ceil(modulus / depth) * depth - modulus;
  return [10, 9, 8, 7, 6].reduce((best, depth) => (idle(depth) < idle(best) ? depth : best));
}
