import type { Activation, Optimizer } from "../../model/spec.ts";
import type * as engine from "../engine.ts";
import { factorPlan } from "./factor-plan.ts";
import type { Constants, Round } from "./shader.ts";
import { type StateLayout, stateLayoutOf } from "./state-layout.ts";

/** What decides the kernels of a network. */
export interface Shape {
  readonly modulus: number;
  readonly width: number;
  readonly activation: Activation;
  readonly optimizer: Optimizer["kind"];
  /** Of a learned embedding; 0: theta itself is trained. */
  readonly dimension: number;
  readonly grokfast: boolean;
}

export function shapeOf({ modulus, width, activation, optimizer, embedding }: engine.Shape): Shape {
  return {
    modulus,
    width,
    activation,
    optimizer: optimizer.kind,
    dimension: embedding?.dimension ?? 0,
    grokfast: optimizer.grokfast !== undefined,
  };
}

/** What a device allows a workgroup. */
export interface WorkgroupLimits {
  readonly invocations: number;
  readonly memoryBytes: number;
  /** Sums that an invocation can keep in registers. A software adapter has few, and compiles long kernels very slowly. */
  readonly sums: number;
}

export interface KernelPlan {
  readonly entryPoint: string;
  readonly files: readonly string[];
  readonly constants: Constants;
  readonly rounds?: readonly Round[];
  /** Workgroups in x and z; those in y are the members of the cohort. */
  readonly groups: readonly [x: number, z: number];
}

/** The kernels of a shape and the memory that its networks take. Depends on the shape and the device alone, so that results do. */
export interface Plan {
  readonly shape: Shape;
  /** In the order of a pass. Where the embedding is learned, the last one makes theta from what scratch has of its factors. */
  readonly kernels: readonly KernelPlan[];
  /** Sums up the parts of the traces of a submission. Its groups in x are the passes. */
  readonly trace: KernelPlan;
  readonly state: StateLayout;
  /** Numbers that the optimizer needs of each step. */
  readonly scalarsAStep: number;
  /** Unordered pairs. */
  readonly pairs: number;
  /** Row length of the logit gradient. */
  readonly pairStride: number;
  /** Bytes of one network in each buffer. */
  readonly slotBytes: {
    readonly state: number;
    readonly logitGradient: number;
    readonly entries: number;
    readonly scratch: number;
  };
  /** Of theta and xi, with which a state begins. */
  readonly layerBytes: number;
  /** Bytes of the parts of one pass's trace. */
  readonly partialBytes: number;
}

const activationFiles: Readonly<Record<Activation, string>> = {
  relu: "relu",
  gelu: "gelu",
  "x^2": "square",
  identity: "identity",
  abs: "abs",
  "x^3": "cube",
  "x^4": "fourth",
  "x^8": "eighth",
  softplus2: "softplus2",
  exp: "exp",
};

const quadBytes = 16;

/** Above these a workgroup's registers or memory can't hold what the fused kernels keep there, or their few workgroups leave it idle. */
const [largestFusedModulus, largestFusedWidth] = [31, 4096];

/** About as many workgroups as keep the multiprocessors of a large GPU busy, and parts of a sum that are still cheap to add up. */
const [fillingGroups, mostSplits] = [480, 24];

/** A workgroup's tile of one of the matrix products: quads of an invocation and invocations, in each direction, and how deep. */
export interface Tile {
  readonly rowQuads?: number;
  readonly columnQuads?: number;
  readonly rows?: number;
  readonly depth?: number;
}

/** How a pass is cut up; what `planOf` chooses by itself where a value is left out. For whoever looks for better values. */
export interface Tuning {
  readonly run?: number;
  readonly differences?: number;
  readonly forwardColumns?: number;
  readonly forwardLanes?: number;
  readonly forwardRound?: number;
  readonly backwardQuads?: number;
  readonly backwardColumns?: number;
  readonly backwardLanes?: number;
  readonly backwardRound?: number;
  readonly forward?: Tile;
  readonly xi?: Tile;
  /** Rows are columns here: those of the residues are as many as there are. */
  readonly theta?: Tile;
  readonly fillingGroups?: number;
}

export function planOf(shape: Shape, limits: WorkgroupLimits, tuning: Tuning = {}): Plan {
  const { modulus, width } = shape;
  const isFused = modulus <= largestFusedModulus && width <= largestFusedWidth;
  const quads = Math.ceil(width / 4);
  const pairs = (modulus * (modulus + 1)) / 2;
  const pairStride = Math.ceil(pairs / 8) * 8;
  const pass = (isFused ? fusedKernels : tiledKernels)(modulus, quads, pairs, limits, tuning);
  const state = stateLayoutOf(shape);
  const layer = modulus * quads;
  const factored = shape.dimension > 0 ? factorPlan(shape, quads, pass.backwardPartials) : undefined;
  const backwardPartials = pass.backwardPartials + (factored?.partials ?? 0);
  const scratchQuads = factored ? Math.max(pass.scratchQuads, factored.newQuads) + layer : pass.scratchQuads;
  const scalarQuads = shape.grokfast ? 3 : 2;
  const constants = {
    P: modulus,
    M: width,
    MQ: quads,
    U: pairs,
    US: pairStride,
    FORWARD_PARTIALS: pass.forwardPartials,
    BACKWARD_PARTIALS: backwardPartials,
    SCRATCH: Math.max(1, scratchQuads),
    SLOT: state.size,
    TRAINED: state.trained,
    AVERAGE: state.toAverage,
    SCALARS: scalarQuads,
    ...factored?.constants,
  };
  const library = [
    "common.wgsl",
    ...(factored?.files ?? (isFused ? [] : ["scratch.wgsl"])),
    "functions.wgsl",
    `activations/${activationFiles[shape.activation]}.wgsl`,
    `gradients/${shape.grokfast ? "grokfast" : "plain"}.wgsl`,
    `optimizers/${shape.optimizer}.wgsl`,
    "losses.wgsl",
    "update.wgsl",
    `theta/${factored ? "factored" : "trained"}.wgsl`,
  ];
  const whole = (kernel: KernelPlan): KernelPlan => ({
    ...kernel,
    files: [...library, ...kernel.files],
    constants: { ...constants, ...kernel.constants },
  });
  return {
    shape,
    kernels: [...pass.list, ...(factored?.kernels ?? [])].map(whole),
    trace: { entryPoint: "trace", files: ["common.wgsl", "trace.wgsl"], constants, groups: [1, 1] },
    state,
    scalarsAStep: 4 * scalarQuads,
    pairs,
    pairStride,
    slotBytes: {
      state: state.size * quadBytes,
      logitGradient: modulus * pairStride * 4,
      entries: pairs * 4,
      scratch: scratchQuads * quadBytes,
    },
    layerBytes: 2 * layer * quadBytes,
    partialBytes: (2 * pass.forwardPartials + backwardPartials) * quadBytes,
  };
}

interface Kernels {
  readonly list: readonly KernelPlan[];
  /** Workgroups that leave a part of the trace. */
  readonly forwardPartials: number;
  readonly backwardPartials: number;
  readonly scratchQuads: number;
}

/** Two kernels a pass: as few as there can be, since gradients need all pairs and logits all neurons. */
function fusedKernels(
  modulus: number,
  quads: number,
  pairs: number,
  limits: WorkgroupLimits,
  tuning: Tuning,
): Kernels {
  const forward = fusedForward(modulus, limits, tuning);
  const { constants, rounds, groups } = fusedBackward(modulus, quads, pairs, limits, tuning);
  return {
    list: [
      {
        entryPoint: "forward",
        files: ["fused-forward.wgsl"],
        constants: forward.constants,
        groups: [forward.tiles, 1],
      },
      { entryPoint: "backward", files: ["fused-backward.wgsl"], constants, rounds, groups: [groups, 1] },
    ],
    forwardPartials: forward.tiles,
    backwardPartials: groups,
    scratchQuads: 0,
  };
}

function fusedForward(modulus: number, limits: WorkgroupLimits, tuning: Tuning) {
  const isLarge = limits.sums >= 64;
  const { run: RUN = isLarge ? 4 : 2, differences: DIFFERENCES = 1 } = tuning;
  // Groups of logits: as many as leave an invocation no more sums than it can keep.
  const sums = RUN * DIFFERENCES * modulus;
  const wanted = tuning.forwardColumns ?? Math.ceil(sums / Math.min(48, limits.sums));
  const TJ = Math.ceil(modulus / wanted);
  const COLUMNS = Math.ceil(modulus / TJ);
  const ROUND = tuning.forwardRound ?? (isLarge ? RUN : 1);
  const width = COLUMNS * TJ;
  const pairs = RUN * DIFFERENCES;
  const bytes = (lanes: number) =>
    (ROUND * width * (lanes + 1) + pairs * width + pairs * 12) * 4 + pairs * 32 + 64;
  let LANES = tuning.forwardLanes ?? 64;
  while (LANES * COLUMNS > limits.invocations || bytes(LANES) > limits.memoryBytes) LANES /= 2;
  const tiles = Math.ceil(modulus / RUN) * Math.ceil((modulus + 1) / 2 / DIFFERENCES);
  return { constants: { RUN, DIFFERENCES, TJ, COLUMNS, LANES, ROUND }, tiles };
}

function fusedBackward(
  modulus: number,
  quads: number,
  pairs: number,
  limits: WorkgroupLimits,
  tuning: Tuning,
) {
  // Groups of logits, as in the forward kernel; but each keeps gradients of all pairs.
  const wanted = tuning.backwardColumns ?? Math.ceil((4 * modulus) / Math.min(32, limits.sums));
  const most = Math.max(1, Math.floor((limits.memoryBytes * 0.6) / (pairs * quadBytes)));
  const TJ = Math.ceil(modulus / Math.min(wanted, most));
  const COLUMNS = Math.ceil(modulus / TJ);
  const QUADS = Math.max(1, Math.min(tuning.backwardQuads ?? 1, Math.floor(most / COLUMNS)));
  const SEGMENTS = 8;
  let LANES = tuning.backwardLanes ?? 64;
  while (LANES * COLUMNS * QUADS > limits.invocations) LANES /= 2;
  // What the pairs' gradients leave behind is enough for some rounds of sums.
  const roundQuads = COLUMNS * QUADS * (LANES + 1);
  const ROUND =
    tuning.backwardRound ?? Math.max(1, Math.min(TJ, Math.floor((COLUMNS * QUADS * pairs) / roundQuads)));
  const rounds = Array.from({ length: Math.ceil(TJ / ROUND) }, (_, i) => ({
    first: i * ROUND,
    count: Math.min(ROUND, TJ - i * ROUND),
  }));
  const ROOM = Math.max(COLUMNS * QUADS * pairs, ROUND * roundQuads);
  const PARTS_ROOM = Math.max(4 * modulus * QUADS, COLUMNS * ROUND * QUADS * SEGMENTS, 8);
  const constants = { QUADS, COLUMNS, TJ, LANES, SEGMENTS, ROOM, PARTS_ROOM };
  return { constants, rounds, groups: Math.ceil(quads / QUADS) };
}

/** Three matrix products, cut into tiles, with what comes between and after them. */
function tiledKernels(
  modulus: number,
  quads: number,
  pairs: number,
  limits: WorkgroupLimits,
  tuning: Tuning,
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
  const pairQuads = (Math.ceil(pairs / 8) * 8) / 4;
  return {
    list: [
      kernel("forward", "tiled-forward.wgsl", [forwardTiles, FORWARD_SPLITS], forward),
      kernel("softmax", "softmax.wgsl", [softmaxGroups, 1], { LOGITS_A_LANE: Math.ceil(modulus / 8) }),
      kernel("backward", "tiled-xi.wgsl", [xiTiles, XI_SPLITS], xi),
      kernel("backward", "tiled-theta.wgsl", [thetaTiles, THETA_SPLITS], theta),
      kernel("finish", "tiled-update.wgsl", [updateGroups, 1]),
    ],
    forwardPartials: softmaxGroups,
    backwardPartials: updateGroups,
    // The logits' partial sums are done with when those of the gradients come.
    scratchQuads: Math.max(
      FORWARD_SPLITS * modulus * pairQuads,
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
