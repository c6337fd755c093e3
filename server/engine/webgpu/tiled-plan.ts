import type { Dispatch, Kernels, Pass, WorkgroupLimits } from "./plan.ts";
import { type Constants, evenly, quadBytes } from "./shader.ts";

/** Of a large GPU. */
export const multiprocessors = 132;

/** About as many workgroups as keep them busy, and parts of a sum that are still cheap to add up. */
const [fillingGroups, mostSplits] = [4 * multiprocessors, 64];

/** Of a workgroup, in four warps of 4 rows by 8 columns. */
const invocations = 128;

/** Pairs of a workgroup of softmax.wgsl, and invocations that share a pair. */
const softmaxSide = 16;

/** Columns of a workgroup of one of the two products, and logits in a row of them, at most. */
const [columns, mostLogits] = [8, 104];

/** A workgroup's tile of one of the matrix products: quads and rows of invocations, and how deep, a multiple of 8. */
export interface Tile {
  readonly rowQuads?: number;
  readonly rows?: number;
  readonly depth?: number;
  /** Of which the workgroup has memory: with two it waits for all of its invocations once a tile, not twice. */
  readonly buffers?: number;
  /** About as many workgroups: the fewer its registers let a multiprocessor have, the fewer. */
  readonly fillingGroups?: number;
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
  /** As those of `Tile`, of some logits. */
  readonly buffers?: number;
  /** As that of `Tile`. */
  readonly fillingGroups?: number;
  /**
   * Whether an invocation fetches the residues of all its pairs at once and multiplies by their slopes, before what they add is added up with
   * barriers between; otherwise one difference's after another's, between these. The bits are the same on SwiftShader, with every activation; what
   * it may gain is not measured.
   */
  readonly slopesAtOnce?: boolean;
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
  const splits = (tiles: number, steps: number, groups = tuning.fillingGroups ?? fillingGroups) =>
    Math.max(1, Math.min(mostSplits, Math.floor(steps / 4), Math.round(groups / tiles)));

  const COLUMN_TILES = Math.ceil(modulus / mostLogits);
  // A logit more than the columns can share equally: whoever had it would have the others wait.
  const REST = modulus % (COLUMN_TILES * columns) === 1 ? 1 : 0;
  const TJ = Math.ceil((modulus - REST) / COLUMN_TILES / columns);
  const LOGIT_QUADS = (COLUMN_TILES * columns * TJ) / 4 + REST;
  /**
   * A tile with as many rows an invocation as registers allow, and one with so few that the multiprocessors have a workgroup each, if it is
   * alone; how the sums are cut up follows from the latter, so that both leave the same bits.
   */
  const productOf = (rowQuads: number, depth: number, given: Tile | undefined) => {
    const tilesOf = ({ ROW_QUADS, ROWS }: ProductTile) =>
      Math.ceil(rowQuads / (ROW_QUADS * ROWS)) * COLUMN_TILES;
    const large = productTile(TJ, REST, limits, given);
    for (let most = large.ROW_QUADS; ; most--) {
      const tile = productTile(TJ, REST, limits, { rowQuads: most, ...given });
      const count = splits(tilesOf(tile), depth / tile.DEPTH, given?.fillingGroups);
      if (most > 1 && tilesOf(tile) * count < multiprocessors) continue;
      return {
        ...{ alone: tile, large, splits: count },
        groups: (of: ProductTile) => [tilesOf(of), count] as const,
        members: Math.ceil(multiprocessors / (tilesOf(large) * count)),
      };
    }
  };
  const forward = productOf(Math.ceil(pairs / 4), 4 * quads, tuning.forward);
  const xi = productOf(quads, pairs, tuning.xi);
  const [FORWARD_SPLITS, XI_SPLITS] = [forward.splits, xi.splits];
  const theta = thetaTile(modulus, limits, tuning.theta);
  const thetaGroups = Math.ceil(quads / (theta.NEURON_QUADS * theta.THETA_COLUMNS));
  // Each a tile or more.
  const THETA_SPLITS = splits(thetaGroups, 4 * theta.THETA_TILES, tuning.theta?.fillingGroups);

  const softmaxGroups = Math.ceil(pairs / softmaxSide);
  const updateGroups = Math.ceil((2 * modulus * quads) / 128);
  const common = { FORWARD_SPLITS, XI_SPLITS, THETA_SPLITS };
  const dispatch = (
    entryPoint: string,
    name: string,
    groups: readonly [number, number],
    constants: Constants = {},
    files: readonly string[] = [],
  ): Dispatch => ({
    name,
    kernel: { entryPoint, files: [...files, `${name}.wgsl`], constants: { ...common, ...constants } },
    groups,
  });
  const softmax = dispatch("softmax", "softmax", [softmaxGroups, 1], {
    ...{ PAIRS: softmaxSide, LANES: softmaxSide },
    QUADS_A_LANE: Math.ceil(LOGIT_QUADS / softmaxSide),
  });
  const gradientOfTheta = dispatch("backward", "tiled-theta", [thetaGroups, THETA_SPLITS], theta);
  const update = dispatch("finish", "tiled-update", [updateGroups, 1]);
  const product = ["tiled-product.wgsl"];
  const pass = (forwardTile: ProductTile, xiTile: ProductTile) => [
    dispatch("forward", "tiled-forward", forward.groups(forwardTile), forwardTile, product),
    softmax,
    dispatch("backward", "tiled-xi", xi.groups(xiTile), xiTile, product),
    gradientOfTheta,
    update,
  ];
  const passes: Pass[] = [{ members: 1, dispatches: pass(forward.alone, xi.alone) }];
  if (forward.alone.ROW_QUADS < forward.large.ROW_QUADS || xi.alone.ROW_QUADS < xi.large.ROW_QUADS)
    passes.push({
      members: Math.max(2, forward.members, xi.members),
      dispatches: pass(forward.large, xi.large),
    });
  return {
    passes,
    files: ["tiled.wgsl", "scratch.wgsl"],
    constants: { COLUMN_TILES, TJ, COLUMN_QUADS: Math.floor(TJ / 4), TAIL: TJ % 4, REST, LOGIT_QUADS },
    forwardPartials: softmaxGroups,
    backwardPartials: updateGroups,
    logitGradientBytes: pairs * LOGIT_QUADS * quadBytes,
    // The logits' partial sums are done with when those of the gradients come.
    scratchQuads: Math.max(
      FORWARD_SPLITS * pairs * LOGIT_QUADS,
      (XI_SPLITS + THETA_SPLITS) * modulus * quads,
    ),
    exchangeBytes: 0,
  };
}

/** Of tiled-forward.wgsl and tiled-xi.wgsl. */
type ProductTile = ReturnType<typeof productTile>;

function productTile(TJ: number, REST: number, limits: WorkgroupLimits, tile: Tile = {}) {
  const rowQuads = Math.max(1, Math.min(6, Math.floor(limits.sums / 4 / (TJ + REST))));
  const { rowQuads: ROW_QUADS = rowQuads, rows: ROWS = invocations / columns, depth: DEPTH = 8 } = tile;
  return {
    ...{ ROWS, DEPTH, ROW_QUADS, BUFFERS: tile.buffers ?? 1 },
    // How many of a tile's quads an invocation fetches.
    HIDDEN_ITEMS: (DEPTH * ROW_QUADS) / columns,
    OUTPUT_ITEMS: Math.ceil((DEPTH * (2 * TJ + REST)) / (columns * ROWS)),
  };
}

/** Of tiled-theta.wgsl. */
function thetaTile(modulus: number, limits: WorkgroupLimits, tile: ThetaTile = {}) {
  const isLarge = limits.sums >= 64;
  const RESIDUES = tile.residues ?? 8;
  const DIFFERENCES = evenly((modulus + 1) / 2, tile.differences ?? (isLarge ? 7 : 3));
  const NEURON_QUADS = tile.neuronQuads ?? (isLarge ? 2 : 1);
  const THETA_DEPTH = tile.depth ?? depthOf(modulus);
  const THETA_COLUMNS = invocations / RESIDUES;
  const rowQuads = NEURON_QUADS * THETA_COLUMNS + 1;
  const gradientQuads = RESIDUES * Math.ceil(DIFFERENCES / 4) + 1;
  const STRIDE = Math.max(modulus, RESIDUES);
  const seconds = Math.min(modulus, RESIDUES + DIFFERENCES - 1);
  const THETA_TILES = Math.ceil((STRIDE * Math.ceil((modulus + 1) / 2 / DIFFERENCES)) / RESIDUES);
  const BUFFERS = tile.buffers ?? 1;
  const SLOPES_AT_ONCE = Number(tile.slopesAtOnce ?? false);
  return {
    ...{ RESIDUES, DIFFERENCES, NEURON_QUADS, THETA_DEPTH, THETA_COLUMNS, STRIDE, THETA_TILES, BUFFERS },
    ...{ SLOPES_AT_ONCE, SLOPES_IN_TURN: 1 - SLOPES_AT_ONCE },
    ROOM: Math.max(BUFFERS * THETA_DEPTH * (gradientQuads + rowQuads), seconds * (rowQuads - 1)),
    THETA_GRADIENT_ITEMS: Math.ceil((THETA_DEPTH * RESIDUES * DIFFERENCES) / invocations),
    THETA_OUTPUT_ITEMS: Math.ceil((THETA_DEPTH * (rowQuads - 1)) / invocations),
  };
}

/** Of 6 to 10 logits at a time, as many as leave the last tile the fullest. */
function depthOf(modulus: number): number {
  const idle = (depth: number) => Math.ceil(modulus / depth) * depth - modulus;
  return [10, 9, 8, 7, 6].reduce((best, depth) => (idle(depth) < idle(best) ? depth : best));
}
