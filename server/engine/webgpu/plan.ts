import type { Activation, Optimizer } from "../../model/spec.ts";
import type * as engine from "../engine.ts";
import { factorPlan } from "./factor-plan.ts";
import { type FusedTuning, fusedKernels, loopFile } from "./fused-plan.ts";
import { type Constants, quadBytes, type Round } from "./shader.ts";
import { type StateLayout, stateLayoutOf } from "./state-layout.ts";
import { multiprocessors, type TiledTuning, tiledKernels } from "./tiled-plan.ts";

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
  /** Workgroups of any size that the device is known to run at once, so that they can wait for each other; 0: it isn't. */
  readonly atOnce: number;
}

/** As much as any device is asked for. */
export const largestLimits: WorkgroupLimits = {
  ...{ invocations: 256, memoryBytes: 48 << 10, sums: 160 },
  atOnce: multiprocessors,
};

export interface KernelPlan {
  readonly entryPoint: string;
  readonly files: readonly string[];
  readonly constants: Constants;
  readonly rounds?: readonly Round[];
}

/** One run of a kernel. Two of a pass may be of the same kernel, which tells them apart by their workgroups. */
export interface Dispatch {
  /** For people: what it computes. */
  readonly name: string;
  readonly kernel: KernelPlan;
  /** Workgroups in x and z; those in y are the members of the cohort. */
  readonly groups: readonly [x: number, z: number];
  /** Whether it makes as many passes as it is told, not a part of one. */
  readonly isLoop?: boolean;
}

/** What is dispatched for a pass of `members` networks or more, in that order. How many there are changes no bit of any. */
export interface Pass {
  readonly members: number;
  readonly dispatches: readonly Dispatch[];
}

/** What a family of kernels has. */
export interface Kernels {
  /** The first for any number of members, each further one for more of them. */
  readonly passes: readonly Pass[];
  /** Of all kernels, and their constants. */
  readonly files: readonly string[];
  readonly constants: Constants;
  /** Parts of the trace that the kernels leave: sums over pairs, and over weights. */
  readonly forwardPartials: number;
  readonly backwardPartials: number;
  readonly logitGradientBytes: number;
  readonly scratchQuads: number;
  /** Of a pool, for what the workgroups of a loop give each other; 0: there is none. */
  readonly exchangeBytes: number;
}

/** The kernels of a shape and the memory that its networks take. Depends on the shape and the device alone, so that results do. */
export interface Plan {
  readonly shape: Shape;
  /** As those of `Kernels`. Where the embedding is learned, the last dispatch of each makes theta from what scratch has of its factors. */
  readonly passes: readonly Pass[];
  /** Sums up the parts of the traces of a submission, with a workgroup a pass and member. */
  readonly trace: KernelPlan;
  readonly state: StateLayout;
  /** Numbers that the optimizer needs of each step. */
  readonly scalarsAStep: number;
  /** Unordered pairs. */
  readonly pairs: number;
  /** Bytes of one network in each buffer. */
  readonly slotBytes: {
    readonly state: number;
    readonly logitGradient: number;
    readonly scratch: number;
  };
  /** As that of `Kernels`. It has the place of scratch, of which there is none then. */
  readonly exchangeBytes: number;
  /** Of theta and xi, with which a state begins. */
  readonly layerBytes: number;
  /** Networks that are best submitted together; of more, some after the others. */
  readonly sideBySide: number;
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

/** Networks of a shape that train side by side in one submission, at most. */
export const largestCohort = 256;

/** Above these a workgroup's registers or memory can't hold what the fused kernels keep there, or their few workgroups leave it idle. */
const [largestFusedModulus, largestFusedWidth] = [31, 4096];

/**
 * Bytes of states that a large GPU's second cache holds beside what else passes through it: those of more networks would be fetched from
 * memory in every pass.
 */
const cachedBytes = 40 << 20;

/** Each pass is one workgroup's: of a wide network, whose submissions are of few passes, as large a one as can be. */
const traceThreads = (partials: number, { invocations }: WorkgroupLimits) =>
  partials > 512 ? Math.min(256, 2 ** Math.floor(Math.log2(invocations))) : 64;

/** How a pass is cut up, for whoever looks for better values. */
export type Tuning = FusedTuning & TiledTuning & { readonly sideBySide?: number };

export function planOf(shape: Shape, limits: WorkgroupLimits, tuning: Tuning = {}): Plan {
  const { modulus, width } = shape;
  const isSmall = modulus <= largestFusedModulus && width <= largestFusedWidth;
  const quads = Math.ceil(width / 4);
  const pairs = (modulus * (modulus + 1)) / 2;
  // After a pass of a learned embedding other kernels are dispatched.
  const fusedTuning = shape.dimension > 0 ? { ...tuning, atOnce: 0 } : tuning;
  const family =
    (isSmall ? fusedKernels(modulus, quads, pairs, limits, fusedTuning) : undefined) ??
    tiledKernels(modulus, quads, pairs, limits, tuning);
  const state = stateLayoutOf(shape);
  const layer = modulus * quads;
  const factored = shape.dimension > 0 ? factorPlan(shape, quads, family.backwardPartials) : undefined;
  const backwardPartials = family.backwardPartials + (factored?.partials ?? 0);
  const scratchQuads = factored
    ? Math.max(family.scratchQuads, factored.newQuads) + layer
    : family.scratchQuads;
  const scalarQuads = shape.grokfast ? 3 : 2;
  const constants = {
    P: modulus,
    M: width,
    MQ: quads,
    U: pairs,
    FORWARD_PARTIALS: family.forwardPartials,
    BACKWARD_PARTIALS: backwardPartials,
    SCRATCH: Math.max(1, scratchQuads),
    SLOT: state.size,
    TRAINED: state.trained,
    AVERAGE: state.toAverage,
    ENTRIES: state.entries,
    SCALARS: scalarQuads,
    ...family.constants,
    ...factored?.constants,
  };
  const library = new Set([
    "common.wgsl",
    ...family.files,
    ...(factored?.files ?? []),
    "functions.wgsl",
    `activations/${activationFiles[shape.activation]}.wgsl`,
    `gradients/${shape.grokfast ? "grokfast" : "plain"}.wgsl`,
    `optimizers/${shape.optimizer}.wgsl`,
    "losses.wgsl",
    "update.wgsl",
    `theta/${factored ? "factored" : "trained"}.wgsl`,
  ]);
  // One for each, since a kernel may be dispatched several times.
  const wholes = new Map<KernelPlan, KernelPlan>();
  const whole = (kernel: KernelPlan): KernelPlan => {
    let made = wholes.get(kernel);
    if (made === undefined) {
      made = {
        ...kernel,
        files: [
          ...library,
          ...(kernel.files.includes(loopFile) ? [] : ["weights/stored.wgsl"]),
          ...kernel.files,
        ],
        constants: { ...constants, ...kernel.constants },
      };
      wholes.set(kernel, made);
    }
    return made;
  };
  const complete = (dispatch: Dispatch): Dispatch => ({ ...dispatch, kernel: whole(dispatch.kernel) });
  return {
    shape,
    passes: family.passes
      .filter(({ members }) => members <= largestCohort)
      .map(({ members, dispatches }) => ({
        members,
        dispatches: [...dispatches, ...(factored?.dispatches ?? [])].map(complete),
      })),
    trace: {
      entryPoint: "trace",
      files: ["common.wgsl", "trace.wgsl"],
      constants: { THREADS: traceThreads(backwardPartials, limits), ...constants },
    },
    state,
    scalarsAStep: 4 * scalarQuads,
    pairs,
    slotBytes: {
      state: state.size * quadBytes,
      logitGradient: family.logitGradientBytes,
      scratch: scratchQuads * quadBytes,
    },
    exchangeBytes: family.exchangeBytes,
    layerBytes: 2 * layer * quadBytes,
    sideBySide: tuning.sideBySide ?? Math.max(1, Math.floor(cachedBytes / (state.size * quadBytes))),
    partialBytes: (2 * family.forwardPartials + backwardPartials) * quadBytes,
  };
}
