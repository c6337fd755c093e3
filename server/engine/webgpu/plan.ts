import type { Activation, Optimizer } from "../../model/spec.ts";
import type { Constants, Round } from "./shader.ts";

/** What decides the kernels of a network. */
export interface Shape {
  readonly modulus: number;
  readonly width: number;
  readonly activation: Activation;
  readonly optimizer: Optimizer["kind"];
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
  /** In the order of a pass. */
  readonly kernels: readonly KernelPlan[];
  /** Sums up the parts of the traces of a submission. Its groups in x are the passes. */
  readonly trace: KernelPlan;
  /** Quads of neurons, the last one padded. */
  readonly quads: number;
  /** Unordered pairs. */
  readonly pairs: number;
  /** Row length of the logit gradient. */
  readonly pairStride: number;
  /** Bytes of one network in each buffer. */
  readonly slotBytes: {
    readonly weights: number;
    readonly moments: number;
    readonly logitGradient: number;
    readonly entries: number;
    readonly scratch: number;
  };
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

/** About as many workgroups as keep the multiprocessors of a large GPU busy. */
const fillingGroups = 480;

/** How a pass is cut up; what `planOf` chooses by itself where a value is left out. */
export interface Tuning {
  /** Pairs of a workgroup of the fused forward kernel, and sums of an invocation there. */
  readonly forwardPairs?: number;
  readonly forwardSums?: number;
  readonly forwardLanes?: number;
  readonly backwardColumns?: number;
  readonly backwardLanes?: number;
  /** Quads of an invocation's tile in the tiled kernels, rows and columns. */
  readonly rowQuads?: number;
  readonly columnQuads?: number;
  readonly depth?: number;
  readonly thetaDepth?: number;
  readonly rows?: number;
  readonly thetaColumns?: number;
  readonly fillingGroups?: number;
}

export function planOf(shape: Shape, limits: WorkgroupLimits, tuning: Tuning = {}): Plan {
  const { modulus, width } = shape;
  const isFused = modulus <= largestFusedModulus && width <= largestFusedWidth;
  const quads = Math.ceil(width / 4);
  const pairs = (modulus * (modulus + 1)) / 2;
  const pairStride = Math.ceil(pairs / 8) * 8;
  const kernels = (isFused ? fusedKernels : tiledKernels)(modulus, quads, pairs, limits, tuning);
  const constants = {
    P: modulus,
    M: width,
    MQ: quads,
    U: pairs,
    US: pairStride,
    FORWARD_PARTIALS: kernels.forwardPartials,
    BACKWARD_PARTIALS: kernels.backwardPartials,
    SCRATCH: Math.max(1, kernels.scratchQuads),
  };
  const library = [
    "common.wgsl",
    "functions.wgsl",
    `activations/${activationFiles[shape.activation]}.wgsl`,
    `optimizers/${shape.optimizer}.wgsl`,
    "losses.wgsl",
    "update.wgsl",
  ];
  const layer = modulus * quads * quadBytes;
  return {
    shape,
    kernels: kernels.list.map((kernel) => ({
      ...kernel,
      files: [...library, ...kernel.files],
      constants: { ...constants, ...kernel.constants },
    })),
    trace: { entryPoint: "trace", files: ["common.wgsl", "trace.wgsl"], constants, groups: [1, 1] },
    quads,
    pairs,
    pairStride,
    slotBytes: {
      weights: 2 * layer,
      moments: shape.optimizer === "adamw" ? 4 * layer : 0,
      logitGradient: modulus * pairStride * 4,
      entries: pairs * 4,
      scratch: kernels.scratchQuads * quadBytes,
    },
    partialBytes: (2 * kernels.forwardPartials + kernels.backwardPartials) * quadBytes,
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
  const groups = Math.ceil(pairs / forward.TU);
  const { constants, rounds } = fusedBackward(modulus, pairs, limits, tuning);
  return {
    list: [
      { entryPoint: "forward", files: ["fused-forward.wgsl"], constants: forward, groups: [groups, 1] },
      { entryPoint: "backward", files: ["fused-backward.wgsl"], constants, rounds, groups: [quads, 1] },
    ],
    forwardPartials: groups,
    backwardPartials: quads,
    scratchQuads: 0,
  };
}

function fusedForward(modulus: number, limits: WorkgroupLimits, tuning: Tuning) {
  const TU = tuning.forwardPairs ?? (limits.sums >= 64 ? 4 : 2);
  // Groups of logits: as many as leave an invocation no more sums than it can keep.
  const COLUMNS = Math.ceil((TU * modulus) / (tuning.forwardSums ?? Math.min(48, limits.sums)));
  const TJ = Math.ceil(modulus / COLUMNS);
  const outputs = TU * COLUMNS * TJ;
  // The sums of all lanes, two more arrays of the outputs, and the pairs' traces.
  const bytes = (lanes: number) => (lanes + 3) * outputs * 4 + TU * 32 + 64;
  let LANES = tuning.forwardLanes ?? 64;
  while (LANES * COLUMNS > limits.invocations || bytes(LANES) > limits.memoryBytes) LANES /= 2;
  return { TU, TJ, COLUMNS, LANES };
}

function fusedBackward(modulus: number, pairs: number, limits: WorkgroupLimits, tuning: Tuning) {
  // Groups of logits, as in the forward kernel; but each keeps gradients of all pairs.
  const wanted = tuning.backwardColumns ?? Math.ceil((4 * modulus) / limits.sums);
  const COLUMNS = Math.max(1, Math.min(wanted, Math.floor(limits.memoryBytes / 2 / (pairs * quadBytes))));
  const TJ = Math.ceil(modulus / COLUMNS);
  const SEGMENTS = 8;
  const LANES = tuning.backwardLanes ?? (COLUMNS === 1 ? 96 : 64);
  const threads = LANES * COLUMNS;
  // Beside the sums: the two layers' weights and gradients, the pairs' gradients and the norms.
  const kept = (2 * modulus + 2 * COLUMNS * TJ + COLUMNS * pairs + threads) * quadBytes + 64;
  const roundBytes = COLUMNS * (LANES + 1 + SEGMENTS) * quadBytes;
  const ROUND = Math.max(1, Math.min(TJ, Math.floor((limits.memoryBytes - kept) / roundBytes)));
  const rounds = Array.from({ length: Math.ceil(TJ / ROUND) }, (_, i) => ({
    first: i * ROUND,
    count: Math.min(ROUND, TJ - i * ROUND),
  }));
  return { constants: { COLUMNS, TJ, LANES, SEGMENTS, ROUND }, rounds };
}

/** Three matrix products, cut into tiles, with what comes between and after them. */
function tiledKernels(
  modulus: number,
  quads: number,
  pairs: number,
  limits: WorkgroupLimits,
  tuning: Tuning,
): Kernels {
  // Quads in each direction of an invocation's tile.
  const side = limits.sums >= 64 ? 2 : 1;
  const { rowQuads = side, columnQuads = side, depth: DEPTH = 16 } = tuning;
  const COLUMN_TILES = Math.ceil(modulus / 104);
  const COLUMNS = Math.ceil(modulus / COLUMN_TILES / (4 * columnQuads));
  const tileBytes = (rows: number) => (rowQuads * rows + columnQuads * COLUMNS + 2) * DEPTH * quadBytes + 64;
  const ROWS =
    tuning.rows ?? bestRows(COLUMNS, limits.invocations, (rows) => tileBytes(rows) <= limits.memoryBytes);
  const splits = (tiles: number, steps: number) =>
    Math.max(1, Math.min(Math.floor(steps / 4), Math.round((tuning.fillingGroups ?? fillingGroups) / tiles)));

  const forwardTiles = Math.ceil(pairs / (4 * rowQuads * ROWS)) * COLUMN_TILES;
  const FORWARD_SPLITS = splits(forwardTiles, (quads * 4) / DEPTH);
  const xiTiles = Math.ceil(quads / (rowQuads * ROWS)) * COLUMN_TILES;
  const XI_SPLITS = splits(xiTiles, pairs / DEPTH);

  const THETA_DEPTH = tuning.thetaDepth ?? 8;
  const thetaRows = Math.ceil(modulus / (4 * rowQuads));
  const thetaBytes = (columns: number) =>
    (modulus * columnQuads * columns + THETA_DEPTH * (columnQuads * columns + rowQuads * thetaRows + 1)) *
      quadBytes +
    64;
  const THETA_COLUMNS =
    tuning.thetaColumns ??
    bestRows(thetaRows, limits.invocations, (n) => thetaBytes(n) <= limits.memoryBytes);
  const thetaTiles = Math.ceil(quads / (columnQuads * THETA_COLUMNS));
  const THETA_SPLITS = splits(thetaTiles, (modulus + 1) / 2);

  const softmaxGroups = Math.ceil(pairs / 32);
  const updateGroups = Math.ceil((2 * modulus * quads) / 128);
  const constants = {
    ...{ ROWS, COLUMNS, COLUMN_TILES, DEPTH, ROW_QUADS: rowQuads, COLUMN_QUADS: columnQuads },
    ...{ FORWARD_SPLITS, XI_SPLITS },
    ...{ THETA_SPLITS, THETA_COLUMNS, THETA_DEPTH, PAIR_QUADS: rowQuads, NEURON_QUADS: columnQuads },
    LOGITS_A_LANE: Math.ceil(modulus / 8),
  };
  const kernel = (entryPoint: string, file: string, x: number, z: number): KernelPlan => ({
    entryPoint,
    files: [file],
    constants,
    groups: [x, z],
  });
  const pairQuads = (Math.ceil(pairs / 8) * 8) / 4;
  return {
    list: [
      kernel("forward", "tiled-forward.wgsl", forwardTiles, FORWARD_SPLITS),
      kernel("softmax", "softmax.wgsl", softmaxGroups, 1),
      kernel("backward", "tiled-xi.wgsl", xiTiles, XI_SPLITS),
      kernel("backward", "tiled-theta.wgsl", thetaTiles, THETA_SPLITS),
      kernel("finish", "tiled-update.wgsl", updateGroups, 1),
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

/** Rows of invocations beside `columns` of them: those that leave the fewest lanes of a warp of 32 idle; of equals the most. */
function bestRows(columns: number, most: number, fits: (rows: number) => boolean): number {
  let best = 1;
  let bestUse = 0;
  for (let rows = 1; rows * columns <= most && fits(rows); rows++) {
    const threads = rows * columns;
    // A workgroup of less than three warps can't hide what it waits for, however well it fills them.
    const use = threads / (Math.ceil(threads / 32) * 32) / (threads < 96 ? 2 : 1);
    if (use >= bestUse) {
      best = rows;
      bestUse = use;
    }
  }
  return best;
}
