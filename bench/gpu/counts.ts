import { type Dispatch, largestLimits, type Plan, planOf } from "../../server/engine/webgpu/plan.ts";
import type { Constants } from "../../server/engine/webgpu/shader.ts";
import type { Shape } from "../engine-speed.ts";

/** What one kernel does in a pass of one network, counted from how it is cut up. */
export interface KernelCount extends Shape {
  readonly kernel: string;
  /** For so many networks side by side or more. */
  readonly members: number;
  readonly workgroups: number;
  /** Multiply-adds of the matrix products that it has a part in. */
  readonly needed: number;
  /** Those that its invocations make, also for what a tile has beyond the network. */
  readonly made: number;
  /** Loads of 16 bytes by an invocation, from workgroup memory or the first cache, for these multiply-adds. */
  readonly loads: number;
  /** Bytes that it must read and write, each once. */
  readonly bytes: number;
}

/** An H200, from NVIDIA's data sheet: float32 operations and bytes of memory a second. An H100 has 3.35e12 of the latter. */
export const card = { operations: 67e12, bytes: 4.8e12 } as const;

/** As many as the operations and the bytes of a kernel take on that card when each goes at its peak, in microseconds. */
export function floorOf({ needed, bytes }: KernelCount): { arithmetic: number; memory: number } {
  return { arithmetic: ((2 * needed) / card.operations) * 1e6, memory: (bytes / card.bytes) * 1e6 };
}

export function countKernels({ p, width }: Shape): KernelCount[] {
  const plan = planOf(
    { modulus: p, width, activation: "relu", optimizer: "adamw", dimension: 0, grokfast: false },
    largestLimits,
  );
  // A loop does what the two kernels of the next passes do.
  const [first, second, ...others] = plan.passes;
  const all = first.dispatches[0].isLoop ? [{ ...second, members: 1 }, ...others] : plan.passes;
  const passes = all.map(({ members, dispatches }) =>
    dispatches.map((dispatch) => {
      const { name, groups } = dispatch;
      const workgroups = groups[0] * groups[1];
      return { p, width, kernel: name, members, workgroups, ...counters[name](dispatch, plan) };
    }),
  );
  return passes.flat();
}

type Counted = Pick<KernelCount, "needed" | "made" | "loads" | "bytes">;

const counters: Readonly<Record<string, (dispatch: Dispatch, plan: Plan) => Counted>> = {
  "fused-forward": ({ kernel: { constants: c }, groups }, plan) => {
    const invocations = groups[0] * c.PAIR_LANES * c.COLUMNS;
    return {
      needed: productOf(plan),
      made: invocations * c.DIFFERENCES * c.TJ * 4 * c.MQ,
      loads: invocations * (c.TJ + c.DIFFERENCES + 1) * c.MQ,
      bytes: plan.layerBytes + plan.slotBytes.logitGradient + 4 * plan.pairs,
    };
  },
  "fused-backward": ({ kernel: { constants: c } }, plan) => {
    const pairs = c.GROUPS * c.NEURONS * plan.shape.modulus * c.RUNS * c.RUN;
    return {
      needed: 2 * productOf(plan),
      made: pairs * 8 * c.JQ,
      // A quad of logits is a load; a number of theta's and what is kept of a pair are a quarter of one each.
      loads: pairs * (c.JQ + 2 / 4),
      bytes: updateBytes(plan) + plan.slotBytes.logitGradient,
    };
  },
  "fused-backward-many": ({ kernel: { constants: c } }, plan) => {
    const pairs = c.GROUPS * c.NEURONS * c.U;
    return {
      needed: 2 * productOf(plan),
      made: pairs * 2 * plan.shape.modulus,
      // A quad of logits for two neurons.
      loads: (pairs * c.JQ) / 2,
      bytes: updateBytes(plan) + plan.slotBytes.logitGradient,
    };
  },
  "tiled-forward": ({ kernel: { constants: c }, groups }, plan) => ({
    needed: productOf(plan),
    made: groups[0] * c.ROWS * 8 * 4 * c.ROW_QUADS * logitsOf(c) * 4 * c.MQ,
    loads: groups[0] * c.ROWS * 8 * loadsOf(c) * 4 * c.MQ,
    bytes: plan.layerBytes + c.FORWARD_SPLITS * plan.slotBytes.logitGradient,
  }),
  softmax: ({ kernel: { constants: c } }, plan) => ({
    ...none,
    bytes: (c.FORWARD_SPLITS + 1) * plan.slotBytes.logitGradient + 4 * plan.pairs,
  }),
  "tiled-xi": ({ kernel: { constants: c }, groups }, plan) => ({
    needed: productOf(plan),
    made: groups[0] * c.ROWS * 8 * 4 * c.ROW_QUADS * logitsOf(c) * c.U,
    loads: groups[0] * c.ROWS * 8 * loadsOf(c) * c.U,
    bytes: plan.layerBytes / 2 + plan.slotBytes.logitGradient + (c.XI_SPLITS * plan.layerBytes) / 2,
  }),
  "tiled-theta": ({ kernel: { constants: c }, groups }, plan) => {
    const threads = c.RESIDUES * c.THETA_COLUMNS;
    const depth = Math.ceil(c.P / c.THETA_DEPTH) * c.THETA_DEPTH;
    return {
      needed: productOf(plan),
      made: groups[0] * c.THETA_TILES * threads * c.DIFFERENCES * 4 * c.NEURON_QUADS * depth,
      loads: groups[0] * c.THETA_TILES * threads * (Math.ceil(c.DIFFERENCES / 4) + c.NEURON_QUADS) * depth,
      bytes: plan.layerBytes + plan.slotBytes.logitGradient + (c.THETA_SPLITS * plan.layerBytes) / 2,
    };
  },
  "tiled-update": ({ kernel: { constants: c } }, plan) => ({
    ...none,
    bytes: updateBytes(plan) + ((c.XI_SPLITS + c.THETA_SPLITS) * plan.layerBytes) / 2,
  }),
};

const none = { needed: 0, made: 0, loads: 0 };

/** Of an invocation for one neuron or pair of a tile: a single logit is a quarter of one. One that is left over is made an eighth of the time. */
function loadsOf({ ROW_QUADS, COLUMN_QUADS, TAIL, REST }: Constants): number {
  return ROW_QUADS + COLUMN_QUADS + TAIL / 4 + (REST * (ROW_QUADS + 1 / 4)) / 8;
}

/** Of an invocation, in which one that is left over counts an eighth. */
function logitsOf({ TJ, REST }: Constants): number {
  return TJ + REST / 8;
}

/** Of the activations of all pairs by the weights of all logits; each gradient has as many. */
function productOf({ pairs, shape }: Plan): number {
  return pairs * shape.modulus * shape.width;
}

/** Weights and both moments, read and written. */
function updateBytes({ layerBytes }: Plan): number {
  return 6 * layerBytes;
}
