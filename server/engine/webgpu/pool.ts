import { arraysOf, type StateArrays } from "../../model/network-state.ts";
import type { Problem, TrainerState } from "../engine.ts";
import { NotAtOnceError } from "./at-once.ts";
import type { Pipelines, Ready } from "./pipelines.ts";
import type { Plan } from "./plan.ts";
import type { PoolMemory } from "./pool-memory.ts";
import { layOut, readOut } from "./state-layout.ts";
import { traceValues } from "./trace-row.ts";

/** One of a submission: passes of its own, `updates` of them with an update, at steps `step`, `step` + 1, and so on. */
export interface Part {
  readonly slot: number;
  readonly inverseTrained: number;
  readonly passes: number;
  readonly updates: number;
  /** [passes, the plan's scalars a step] */
  readonly scalars: Float32Array;
  /** After how many of its updates here the weights are copied out; increasing. */
  readonly captures: readonly number[];
  /** Where its state is copied to before; undefined: nowhere. */
  readonly checkpoint: number | undefined;
}

/** What a submission gives back. */
export interface Submitted {
  /** [parts, passes of the longest, 12] */
  readonly traces: Float32Array;
  readonly passes: number;
  /** Of each part, in the order of its captures: theta and xi, as they lie on the device. */
  readonly captures: readonly (readonly Float32Array[])[];
}

/** A network's place in a pool. */
export interface Slot {
  /** It changes when the pool moves to a smaller memory. */
  readonly index: number;
}

/** Which of a step's scalars no optimizer has: of the first one of a loop's dispatch, how many passes it makes. */
const loopScalar = 7;

/** Bytes of captured weights that a submission brings back at most, unless a single one is larger. */
const mostCaptureBytes = 16 << 20;

/** Networks of one shape that live side by side on the device, and what is submitted for them. */
export class Pool {
  readonly plan: Plan;
  /** Captures that one submission can have. */
  readonly mostCaptures: number;
  readonly #device: GPUDevice;
  readonly #pipelines: Pipelines;
  #memory: PoolMemory;
  readonly #taken = new Set<{ index: number }>();
  /** The first ones last. */
  #free: number[];
  /** To read back through, the last used first. */
  readonly #staging: GPUBuffer[] = [];
  #isDestroyed = false;

  constructor(device: GPUDevice, plan: Plan, pipelines: Pipelines, memory: PoolMemory) {
    this.#device = device;
    this.plan = plan;
    this.#pipelines = pipelines;
    this.#memory = memory;
    this.mostCaptures = Math.max(1, Math.floor(mostCaptureBytes / plan.layerBytes));
    this.#free = this.#untaken();
  }

  get capacity(): number {
    return this.#memory.capacity;
  }

  get bytes(): number {
    return this.#memory.bytes;
  }

  /** Passes of all members together that one submission can have. */
  get mostPasses(): number {
    return this.#memory.mostPasses;
  }

  /**
   * Moves to another memory, which holds all its networks. What was submitted before is done with the old one by then; what comes later has the
   * new one.
   */
  moveTo(memory: PoolMemory): void {
    const old = this.#memory;
    this.#memory = memory;
    const vacant = this.#untaken();
    const moves = [...this.#taken]
      .filter(({ index }) => index >= memory.capacity)
      .map((slot) => {
        const from = slot.index;
        slot.index = vacant.pop()!;
        return { from, to: slot.index };
      });
    this.#free = vacant;
    const encoder = this.#device.createCommandEncoder();
    memory.copyFrom(old, this.#stateBytes, moves, encoder);
    this.#device.queue.submit([encoder.finish()]);
    old.destroy();
  }

  #untaken(): number[] {
    const taken = new Set([...this.#taken].map(({ index }) => index));
    const all = Array.from({ length: this.capacity }, (_, i) => this.capacity - 1 - i);
    return all.filter((index) => !taken.has(index));
  }

  get #stateBytes(): number {
    return this.plan.slotBytes.state;
  }

  /** Networks that have a slot. */
  get occupied(): number {
    return this.#taken.size;
  }

  get isEmpty(): boolean {
    return this.occupied === 0;
  }

  /** A slot for one network, or undefined when there is none left. */
  take(): Slot | undefined {
    const index = this.#free.pop();
    if (index === undefined) return undefined;
    const slot = { index };
    this.#taken.add(slot);
    return slot;
  }

  release(slot: Slot): void {
    this.#taken.delete(slot);
    this.#free.push(slot.index);
  }

  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#memory.destroy();
    for (const buffer of this.#staging) buffer.destroy();
  }

  write({ index: slot }: Slot, problem: Problem, state: TrainerState): void {
    const { slotBytes, pairs, shape, state: layout } = this.plan;
    const { queue } = this.#device;
    const given = arraysOf(state);
    const numbers = new Float32Array(slotBytes.state / 4);
    for (const stored of layout.arrays) {
      const values = given[stored.name];
      if (values !== undefined) layOut(values, stored, numbers);
    }
    new Uint32Array(numbers.buffer).set(entriesOf(problem, pairs), 4 * layout.entries);
    queue.writeBuffer(this.#memory.buffers.state, slot * slotBytes.state, numbers);
    if (shape.dimension === 0) return;
    const [, , projection, embedding] = layout.arrays;
    const factors = numbers.subarray(
      4 * projection.first,
      4 * (embedding.first + embedding.rows * embedding.quads),
    );
    // Who is alone has the first slot of it.
    queue.writeBuffer(this.#memory.buffers.scratch, 0, factors);
    this.#makeProduct(slot);
  }

  /** Computes theta of a slot from the factors in scratch, as after an update. */
  #makeProduct(slot: number): void {
    const scalars = new Float32Array(this.plan.scalarsAStep);
    this.#writeParts(
      [{ slot, inverseTrained: 0, passes: 1, updates: 1, scalars, captures: [], checkpoint: undefined }],
      1,
    );
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setBindGroup(0, this.#memory.bindingOf([slot]));
    encodePasses(pass, this.#pipelines.passOf(1).slice(-1), 1, 1);
    pass.end();
    this.#device.queue.submit([encoder.finish()]);
  }

  /** The arrays of a slot. */
  async read({ index: slot }: Slot): Promise<StateArrays> {
    const size = this.#stateBytes;
    const bytes = await this.#through(size, (encoder, staging) =>
      encoder.copyBufferToBuffer(this.#memory.buffers.state, slot * size, staging, 0, size),
    );
    const numbers = new Float32Array(bytes);
    return Object.fromEntries(
      this.plan.state.arrays.map((stored) => [stored.name, readOut(numbers, stored)]),
    );
  }

  /**
   * Passes of several networks side by side, in one submission, after copying their states to their checkpoints. All members
   * together have at most `mostPasses`, counted by the longest, and `mostCaptures`.
   */
  async submit(parts: readonly Part[]): Promise<Submitted> {
    const passes = Math.max(...parts.map((part) => part.passes));
    this.#writeParts(parts, passes);
    const traceBytes = parts.length * passes * traceValues * 4;
    const { layerBytes } = this.plan;
    const captured = parts.reduce((count, part) => count + part.captures.length, 0);
    const { isLoop } = this.#pipelines.passOf(parts.length)[0];
    const end = traceBytes + captured * layerBytes;
    let offset = traceBytes;
    const bytes = await this.#through(end + (isLoop ? 4 : 0), (encoder, staging) => {
      for (const [i, buffer] of this.#memory.checkpoints.entries()) {
        const own = parts.filter(({ checkpoint }) => checkpoint === i).map(({ slot }) => slot);
        this.#copyStates(encoder, own, this.#memory.buffers.state, buffer);
      }
      const binding = this.#memory.bindingOf(parts.map(({ slot }) => slot));
      let done = 0;
      for (const [after, slots] of capturesInOrder(parts)) {
        this.#encodePasses(encoder, binding, parts.length, after - done);
        done = after;
        for (const slot of slots) {
          encoder.copyBufferToBuffer(
            this.#memory.buffers.state,
            slot * this.#stateBytes,
            staging,
            offset,
            layerBytes,
          );
          offset += layerBytes;
        }
      }
      this.#encodePasses(encoder, binding, parts.length, passes - done, passes);
      encoder.copyBufferToBuffer(this.#memory.buffers.traces, 0, staging, 0, traceBytes);
      if (isLoop) encoder.copyBufferToBuffer(this.#memory.buffers.scratch, 4, staging, end, 4);
    });
    if (isLoop && new Uint32Array(bytes, end)[0] !== 0) throw new NotAtOnceError();
    return {
      traces: new Float32Array(bytes, 0, traceBytes / 4),
      passes,
      captures: this.#captured(parts, bytes, traceBytes),
    };
  }

  /** Puts the states of that checkpoint back. */
  restore(slots: readonly Slot[], checkpoint: number): void {
    const encoder = this.#device.createCommandEncoder();
    const indices = slots.map(({ index }) => index);
    this.#copyStates(encoder, indices, this.#memory.checkpoints[checkpoint], this.#memory.buffers.state);
    this.#device.queue.submit([encoder.finish()]);
  }

  #writeParts(parts: readonly Part[], passes: number): void {
    const { scalarsAStep } = this.plan;
    const scalars = 2 + parts.length;
    const submission = new Float32Array(4 * scalars + parts.length * passes * scalarsAStep);
    submission.set([passes, scalars, submission.length / 4], 4);
    for (const [i, part] of parts.entries()) {
      const slot = parts.length === 1 ? 0 : part.slot;
      submission.set([slot, part.passes, part.updates, part.inverseTrained], 8 + 4 * i);
      submission.set(part.scalars, 4 * scalars + i * passes * scalarsAStep);
    }
    if (parts.length === 1) {
      // A loop makes all passes up to where something is copied out, or the last.
      let from = 0;
      for (const to of [...parts[0].captures, passes]) {
        if (to > from) submission[4 * scalars + from * scalarsAStep + loopScalar] = to - from;
        from = to;
      }
    }
    this.#device.queue.writeBuffer(this.#memory.buffers.submission, 0, submission);
  }

  /** @param traced - passes whose traces are summed up then; left out: none */
  #encodePasses(
    encoder: GPUCommandEncoder,
    binding: GPUBindGroup,
    members: number,
    passes: number,
    traced = 0,
  ): void {
    const pass = encoder.beginComputePass();
    pass.setBindGroup(0, binding);
    encodePasses(pass, this.#pipelines.passOf(members), members, passes);
    if (traced > 0) {
      pass.setBindGroup(0, this.#memory.traceBinding);
      pass.setPipeline(this.#pipelines.trace);
      pass.dispatchWorkgroups(traced, members, 1);
    }
    pass.end();
  }

  /** Copies states between two buffers, neighbouring slots in one piece. */
  #copyStates(encoder: GPUCommandEncoder, indices: readonly number[], from: GPUBuffer, to: GPUBuffer): void {
    const size = this.#stateBytes;
    const slots = indices.toSorted((a, b) => a - b);
    for (let i = 0; i < slots.length; ) {
      let count = 1;
      while (slots[i + count] === slots[i] + count) count++;
      encoder.copyBufferToBuffer(from, slots[i] * size, to, slots[i] * size, count * size);
      i += count;
    }
  }

  #captured(parts: readonly Part[], bytes: ArrayBuffer, start: number): Float32Array[][] {
    const { layerBytes } = this.plan;
    const result = parts.map((): Float32Array[] => []);
    const bySlot = new Map(parts.map(({ slot }, i) => [slot, result[i]]));
    let offset = start;
    for (const [, slots] of capturesInOrder(parts)) {
      for (const slot of slots) {
        bySlot.get(slot)!.push(new Float32Array(bytes, offset, layerBytes / 4));
        offset += layerBytes;
      }
    }
    return result;
  }

  /** Encodes and submits commands that leave `size` bytes in a staging buffer; resolves to a copy of them. */
  async #through(
    size: number,
    encode: (encoder: GPUCommandEncoder, staging: GPUBuffer) => void,
  ): Promise<ArrayBuffer> {
    const staging = this.#takeStaging(size);
    const encoder = this.#device.createCommandEncoder();
    encode(encoder, staging);
    this.#device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ, 0, size);
    const bytes = staging.getMappedRange(0, size).slice(0);
    staging.unmap();
    if (this.#isDestroyed || this.#staging.length >= 2) staging.destroy();
    else this.#staging.push(staging);
    return bytes;
  }

  #takeStaging(size: number): GPUBuffer {
    const index = this.#staging.findIndex((buffer) => buffer.size >= size);
    if (index >= 0) return this.#staging.splice(index, 1)[0];
    // Somewhat larger: the next one may need a little more.
    const { MAP_READ, COPY_DST } = GPUBufferUsage;
    this.#staging.pop()?.destroy();
    return this.#device.createBuffer({
      label: "staging",
      size: Math.ceil(size / 65536) * 65536,
      usage: MAP_READ | COPY_DST,
    });
  }
}

/** Passes one after the other, of so many members each. A loop makes as many as `Pool.submit` has told it. */
export function encodePasses(
  encoder: GPUComputePassEncoder,
  dispatches: readonly Ready[],
  members: number,
  passes: number,
): void {
  if (passes > 0 && dispatches[0].isLoop) {
    encoder.setPipeline(dispatches[0].pipeline);
    encoder.dispatchWorkgroups(dispatches[0].groups[0]);
    return;
  }
  // A call into Dawn takes this thread a microsecond or two, and a pass of one network takes a card ten.
  let current: GPUComputePipeline | undefined;
  for (let i = 0; i < passes; i++) {
    for (const { pipeline, groups } of dispatches) {
      if (pipeline !== current) encoder.setPipeline(pipeline);
      current = pipeline;
      // Each number that is passed on takes a tenth of the call.
      if (groups[1] > 1) encoder.dispatchWorkgroups(groups[0], members, groups[1]);
      else if (members > 1) encoder.dispatchWorkgroups(groups[0], members);
      else encoder.dispatchWorkgroups(groups[0]);
    }
  }
}

/** After how many passes, which slots' weights are copied out. */
function capturesInOrder(parts: readonly Part[]): [number, number[]][] {
  const slots = new Map<number, number[]>();
  for (const { slot, captures } of parts) {
    for (const after of captures) {
      const there = slots.get(after);
      if (there === undefined) slots.set(after, [slot]);
      else there.push(slot);
    }
  }
  return [...slots].sort(([a], [b]) => a - b);
}

/** [pairs]: labels and classes of the pair's two entries, (x, y) and (y, x), as common.wgsl has them. Class 255 is no entry. */
function entriesOf({ modulus, labels, classes }: Problem, pairs: number): Uint32Array {
  return Uint32Array.from({ length: pairs }, (_, u) => {
    const x = u % modulus;
    const y = (x + Math.floor(u / modulus)) % modulus;
    const [xy, yx] = [x * modulus + y, y * modulus + x];
    const second = x === y ? 255 : classes[yx];
    return (labels[xy] | (labels[yx] << 8) | (classes[xy] << 16) | ((second << 24) ^ 0x40000000)) >>> 0;
  });
}
