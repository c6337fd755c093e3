import type { Pipelines } from "./pipelines.ts";
import type { Plan } from "./plan.ts";
import { traceValues } from "./trace-row.ts";

/** Copies of a state that can be kept: one of each submission of it in flight, and of the one before. */
export const checkpoints = 4;

/** Bytes of parts of traces that a pool sets aside, unless one pass of every member takes more. */
const mostPartialBytes = 32 << 20;

/** In the order of their bindings. */
interface Buffers {
  readonly state: GPUBuffer;
  readonly logitGradient: GPUBuffer;
  readonly submission: GPUBuffer;
  readonly scratch: GPUBuffer;
  readonly traces: GPUBuffer;
}

/** Memory on the device for so many networks of one shape. */
export class PoolMemory {
  readonly capacity: number;
  readonly bytes: number;
  /** Passes of all members together that one submission can have. */
  readonly mostPasses: number;
  readonly buffers: Buffers;
  readonly traceBinding: GPUBindGroup;
  /** Copies of the states to go back to, of the submissions in flight and the one before. */
  readonly checkpoints: readonly GPUBuffer[];
  readonly #pipelines: Pipelines;
  /** By the slot of who is alone; undefined: of several. */
  readonly #bindings = new Map<number | undefined, GPUBindGroup>();

  constructor(device: GPUDevice, plan: Plan, pipelines: Pipelines, capacity: number) {
    this.capacity = capacity;
    this.bytes = poolBytes(plan, capacity);
    this.mostPasses = passesOf(plan, capacity);
    const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const make = (label: string, size: number, usage = STORAGE | COPY_SRC | COPY_DST) =>
      device.createBuffer({ label, size, usage });
    const sizes = bufferBytes(plan, capacity);
    this.buffers = Object.fromEntries(
      Object.entries(sizes).map(([label, size]) => [label, make(label, size)]),
    ) as unknown as Buffers;
    this.checkpoints = Array.from({ length: checkpoints }, () =>
      make("checkpoint", sizes.state, COPY_SRC | COPY_DST),
    );
    this.#pipelines = pipelines;
    this.traceBinding = pipelines.bindTrace(Object.values(this.buffers));
  }

  /** What the kernels of a pass of these slots are given. */
  bindingOf(slots: readonly number[]): GPUBindGroup {
    const alone = slots.length === 1 ? slots[0] : undefined;
    let binding = this.#bindings.get(alone);
    if (binding === undefined) {
      binding = this.#pipelines.bind(Object.values(this.buffers), alone);
      this.#bindings.set(alone, binding);
    }
    return binding;
  }

  /**
   * Encodes copies of all that is kept of the networks in `from`.
   *
   * @param moves - those that have other slots here
   */
  copyFrom(
    from: PoolMemory,
    stateBytes: number,
    moves: readonly { readonly from: number; readonly to: number }[],
    encoder: GPUCommandEncoder,
  ): void {
    const pairs = [
      [from.buffers.state, this.buffers.state],
      ...from.checkpoints.map((checkpoint, i) => [checkpoint, this.checkpoints[i]]),
    ];
    for (const [source, target] of pairs) {
      encoder.copyBufferToBuffer(source, 0, target, 0, Math.min(source.size, target.size));
      for (const move of moves)
        encoder.copyBufferToBuffer(source, move.from * stateBytes, target, move.to * stateBytes, stateBytes);
    }
  }

  destroy(): void {
    for (const buffer of [...Object.values(this.buffers), ...this.checkpoints]) buffer.destroy();
  }
}

/** Device memory of a pool of such networks. */
export function poolBytes(plan: Plan, capacity: number): number {
  const sizes = bufferBytes(plan, capacity);
  return Object.values(sizes).reduce((sum, size) => sum + size, checkpoints * sizes.state);
}

function bufferBytes(plan: Plan, capacity: number): Readonly<Record<keyof Buffers, number>> {
  const { state, logitGradient, scratch } = plan.slotBytes;
  const passes = passesOf(plan, capacity);
  return {
    state: capacity * state,
    logitGradient: capacity * logitGradient,
    // What common.wgsl says: a head, the members, and of each pass its scalars and the parts of its trace.
    submission: 32 + capacity * 16 + passes * (plan.scalarsAStep * 4 + plan.partialBytes),
    scratch: capacity * scratch + plan.exchangeBytes,
    traces: passes * traceValues * 4,
  };
}

/** As many passes as keep the device busy for some milliseconds. */
function passesOf({ partialBytes }: Plan, capacity: number): number {
  const wanted = Math.max(1024, 96 * capacity);
  return Math.max(2 * capacity, Math.min(wanted, Math.floor(mostPartialBytes / partialBytes)));
}
