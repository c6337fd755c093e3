import { setTimeout } from "node:timers/promises";
import { pauseBetweenPolls } from "../../server/engine/webgpu/dawn-polling.ts";
import { acquireDevice, type DeviceInfo } from "../../server/engine/webgpu/device.ts";
import { leastBetween } from "../../server/engine/webgpu/network.ts";
import { Pipelines, type Ready } from "../../server/engine/webgpu/pipelines.ts";
import { type Plan, planOf, shapeOf, type Tuning } from "../../server/engine/webgpu/plan.ts";
import { encodePasses, type Part, Pool, type Slot } from "../../server/engine/webgpu/pool.ts";
import { PoolMemory } from "../../server/engine/webgpu/pool-memory.ts";
import { writeScalars } from "../../server/engine/webgpu/scalars.ts";
import { countEntries } from "../../server/engine/webgpu/trace-row.ts";
import type { Shape } from "../engine-speed.ts";
import { type Posed, standardProblem } from "../problem.ts";

/** Microseconds of a pass of so many networks side by side. */
export interface PassTimes {
  /** By the card's clock. */
  readonly pass: number;
  /** Each kernel but a loop again and again, by the card's clock; `idle` when there is no pass to be made, though those for few networks fetch for it all the same. */
  readonly kernels: readonly { readonly name: string; readonly busy: number; readonly idle: number }[];
  /** Of the thread that encodes, and that submits what is encoded. */
  readonly encode: number;
  readonly submit: number;
  /** By the clock on the wall, when submissions follow each other as the engine's do. */
  readonly fed: number;
  /** Bytes of the last network after the first passes. */
  readonly bits: Buffer;
}

/**
 * A card slows its clock down when it has nothing to do, also while its driver compiles, and takes about a second to raise it. Between two
 * measurements it rests for 200 ms at most, and is kept busy for longer than that before the next one.
 */
const [warmUpMs, rewarmMs] = [1500, 500];

/** Of submissions that follow each other. */
const [submissionMs, inFlight] = [8, 3];

/** A warp that takes so much workgroup memory, and waits for a word of it again and again: dozens of them don't hold each other up. */
const occupant = `@group(0) @binding(0) var<storage, read_write> out: array<u32>;
var<workgroup> room: array<u32, SIZEu>;
@compute @workgroup_size(32) fn main(@builtin(local_invocation_index) thread: u32) {
  room[thread] = (out[thread] + thread) % 32u;
  workgroupBarrier();
  var at = thread;
  for (var i = 0u; i < STEPSu; i++) { at = room[at]; }
  out[32u + thread] = at;
}`;

/** Workgroups that any card runs at once, at most. */
const mostAtOnce = 8192;

/** Keeps it busy: some milliseconds of a large one. */
const heat = `@group(0) @binding(0) var<storage, read_write> out: array<f32>;
@compute @workgroup_size(128) fn main(@builtin(global_invocation_id) id: vec3u) {
  var x = f32(id.x);
  for (var i = 0u; i < STEPSu; i++) { x = fma(x, 0.999, 1.0); }
  out[id.x % 256u] = x;
}`;

/** Passes of one measurement at most, and those that decide the bits. */
const [mostPasses, firstPasses] = [400, 3];

/** A GPU by its own clock, without the engine around its kernels. */
export class Card {
  readonly info: DeviceInfo;
  readonly #device: GPUDevice;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #staging: GPUBuffer;
  readonly #scrap: GPUBuffer;
  readonly #heater: (pass: GPUComputePassEncoder, groups: number) => void;
  #isWarm = false;
  /** By their shape: while a large one is made the card would rest. */
  readonly #problems = new Map<string, Posed>();

  static async open(allowSoftware: boolean): Promise<Card> {
    const { device, info } = await acquireDevice(allowSoftware, ["timestamp-query"]);
    pauseBetweenPolls();
    return new Card(device, info);
  }

  private constructor(device: GPUDevice, info: DeviceInfo) {
    this.info = info;
    this.#device = device;
    const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    this.#queries = device.createQuerySet({ type: "timestamp", count: 2 });
    this.#resolved = device.createBuffer({ size: 16, usage: QUERY_RESOLVE | COPY_SRC });
    this.#staging = device.createBuffer({ size: 16, usage: COPY_DST | MAP_READ });
    this.#scrap = device.createBuffer({ size: 1024, usage: GPUBufferUsage.STORAGE });
    this.#heater = this.#kernel(heat.replace("STEPS", info.isSoftware ? "1" : "100000"));
  }

  /** A kernel that leaves nothing of worth. */
  #kernel(code: string): (pass: GPUComputePassEncoder, groups: number) => void {
    const module = this.#device.createShaderModule({ code });
    const pipeline = this.#device.createComputePipeline({ layout: "auto", compute: { module } });
    const group = this.#device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer: this.#scrap } }],
    });
    return (pass, groups) => {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(groups);
    };
  }

  /** Workgroups with so much memory, of one warp that needs little else, that the card runs at once: as many as take no longer than one. */
  async atOnce(memoryBytes: number): Promise<number> {
    const steps = this.info.isSoftware ? "1000" : "10000";
    const code = occupant.replaceAll("SIZE", String(memoryBytes / 4)).replace("STEPS", steps);
    const kernel = this.#kernel(code);
    const took = async (groups: number) => {
      const times: number[] = [];
      for (let i = 0; i < 3; i++) times.push((await this.#time((pass) => kernel(pass, groups))).card);
      return Math.min(...times);
    };
    await this.#warmUp();
    const one = await took(1);
    let [enough, tooMany] = [1, mostAtOnce];
    while (tooMany - enough > 1) {
      const groups = Math.floor((enough + tooMany) / 2);
      // Of two that follow each other the second one ends twice as late.
      if ((await took(groups)) < 1.5 * one) enough = groups;
      else tooMany = groups;
    }
    return enough;
  }

  async #warmUp(): Promise<void> {
    const milliseconds = this.#isWarm ? rewarmMs : warmUpMs;
    await this.#whileBusy(setTimeout(this.info.isSoftware ? 0 : milliseconds));
    this.#isWarm = true;
  }

  #problemOf(shape: Shape): Posed {
    const key = `${shape.p}, ${shape.width}`;
    const posed = this.#problems.get(key) ?? standardProblem(shape);
    this.#problems.set(key, posed);
    return posed;
  }

  /** How the kernels of a shape are cut up on it. */
  planOf(shape: Shape, tuning: Tuning = {}): Plan {
    return planOf(shapeOf(this.#problemOf(shape).problem), this.info.limits, tuning);
  }

  /** @param milliseconds - of each measurement */
  async measure(
    shape: Shape,
    members: number,
    milliseconds: number,
    tuning: Tuning = {},
  ): Promise<PassTimes> {
    const device = this.#device;
    const { problem, state } = this.#problemOf(shape);
    const plan = this.planOf(shape, tuning);
    const pipelines = await this.#whileBusy(Pipelines.compile(device, plan, members));
    const memory = new PoolMemory(device, plan, pipelines, members);
    const pool = new Pool(device, plan, pipelines, memory);
    const dispatches = pipelines.passOf(members);
    const part = ({ index: slot }: Slot, count: number): Part => {
      const scalars = new Float32Array(count * plan.scalarsAStep);
      for (let i = 0; i < count; i++) writeScalars(problem, i, undefined, scalars, i * plan.scalarsAStep);
      const inverseTrained = 1 / countEntries(problem).train;
      return { slot, inverseTrained, passes: count, updates: count, scalars, captures: [], checkpoint: 0 };
    };
    const slots = Array.from({ length: members }, () => pool.take()!);
    for (const slot of slots) pool.write(slot, problem, state);
    await pool.submit(slots.map((slot) => part(slot, firstPasses)));
    const { theta } = await pool.read(slots.at(-1)!);
    const encode = (times: number, some: readonly Ready[]) => (pass: GPUComputePassEncoder) => {
      pass.setBindGroup(0, memory.bindingOf(slots.map(({ index }) => index)));
      encodePasses(pass, some, members, times);
    };
    /** Of the passes' number: the first one, or beyond the last. */
    const goTo = (number: number) =>
      device.queue.writeBuffer(memory.buffers.submission, 0, new Float32Array([number, number, 0, 0]));
    await this.#warmUp();
    goTo(0);
    const { card: firstMs } = await this.#time(encode(firstPasses, dispatches));
    const wanted = Math.ceil((firstPasses * milliseconds) / Math.max(firstMs, 1e-3));
    const passes = Math.min(mostPasses, Math.floor(memory.mostPasses / members), wanted);
    // What it leaves in the buffers is what all measurements go through again.
    await pool.submit(slots.map((slot) => part(slot, passes)));
    const whole = async () => {
      goTo(0);
      return this.#time(encode(passes, dispatches));
    };
    let best = await whole();
    for (let spent = 0; spent < milliseconds; spent += best.card) {
      const next = await whole();
      if (next.card < best.card) best = next;
    }
    const each = async (dispatch: Ready, number: number) => {
      goTo(number);
      const { card } = await this.#time(encode(4, [dispatch]));
      const times = Math.max(4, Math.min(1000, Math.round((4 * milliseconds) / Math.max(card, 1e-3))));
      const rounds = [
        await this.#time(encode(times, [dispatch])),
        await this.#time(encode(times, [dispatch])),
      ];
      return (1000 * Math.min(...rounds.map((round) => round.card))) / times;
    };
    const times: PassTimes["kernels"][number][] = [];
    for (const dispatch of dispatches.filter(({ isLoop }) => !isLoop)) {
      const { name } = dispatch;
      times.push({ name, busy: await each(dispatch, 0), idle: await each(dispatch, passes) });
    }
    const count = Math.max(1, Math.min(passes, Math.floor((submissionMs * passes) / best.card)));
    const kept = slots.map((slot) => part(slot, count));
    const parts = kept.map((some) => ({ ...some, checkpoint: undefined }));
    const began = performance.now();
    const under: Promise<unknown>[] = [];
    let fed = 0;
    for (; fed === 0 || performance.now() - began < milliseconds; fed += count) {
      if (under.length === inFlight) await under.shift();
      under.push(pool.submit(fed % leastBetween < count ? kept : parts));
    }
    await Promise.all(under);
    const fedMs = (performance.now() - began) / fed;
    pool.destroy();
    const us = (ms: number) => (1000 * ms) / passes;
    return {
      ...{ pass: us(best.card), encode: us(best.encode), submit: us(best.submit) },
      ...{ fed: 1000 * fedMs, kernels: times, bits: Buffer.from(theta!.buffer) },
    };
  }

  async #whileBusy<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const done = work.finally(() => {
      isDone = true;
    });
    // It may fail while the card is being kept busy.
    done.catch(() => {});
    while (!isDone) {
      const encoder = this.#device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      this.#heater(pass, 1056);
      pass.end();
      this.#device.queue.submit([encoder.finish()]);
      await this.#device.queue.onSubmittedWorkDone();
    }
    return done;
  }

  destroy(): void {
    this.#device.destroy();
  }

  /** Milliseconds of a pass encoder's commands: on the card, and of the thread that encodes and submits them. */
  async #time(
    encode: (pass: GPUComputePassEncoder) => void,
  ): Promise<{ readonly card: number; readonly encode: number; readonly submit: number }> {
    const began = performance.now();
    const encoder = this.#device.createCommandEncoder();
    const pass = encoder.beginComputePass({
      timestampWrites: { querySet: this.#queries, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 },
    });
    encode(pass);
    pass.end();
    encoder.resolveQuerySet(this.#queries, 0, 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, 16);
    const commands = encoder.finish();
    const encoded = performance.now();
    this.#device.queue.submit([commands]);
    const submitted = performance.now();
    await this.#staging.mapAsync(GPUMapMode.READ);
    const [from, to] = new BigUint64Array(this.#staging.getMappedRange().slice(0));
    this.#staging.unmap();
    return { card: Number(to - from) / 1e6, encode: encoded - began, submit: submitted - encoded };
  }
}
