import { setTimeout } from "node:timers/promises";
import { type SpectralMeasures, SpectralMeter } from "../../model/spectral-measures.ts";
import type { Advance, Problem, TrainerState } from "../engine.ts";
import { DeviceLostError } from "../errors.ts";
import { type AcquiredDevice, acquireDevice, type DeviceInfo } from "./device.ts";
import { Lane } from "./lane.ts";
import { type Asked, Network, Request } from "./network.ts";
import { Pipelines } from "./pipelines.ts";
import { largestCohort, type Plan, planOf, type Shape, shapeOf, type Tuning } from "./plan.ts";
import { Pool, type Slot } from "./pool.ts";
import { PoolMemory, poolBytes } from "./pool-memory.ts";
import type { TraceRow } from "./trace-row.ts";

/** A pool begins with so many slots and grows to twice as many, and so on: who is in one pool trains side by side. Then there is another. */
const smallestPool = 4;

/** A pool of more than one network is no larger than this. */
const mostPoolBytes = 512 << 20;

/** A call that a loss interrupts may fail before the loss is told, by no more than this. */
const lossDelayMs = 500;

export interface GpuOptions {
  readonly allowSoftware: boolean;
  /** Bytes of device memory that buffers may take; undefined: as many as the device gives. */
  readonly memoryBytes: number | undefined;
  /** So many shapes that have no network keep their kernels, those used last; of each the driver has up to megabytes. @default 32 */
  readonly unusedShapes?: number;
  /** For whoever looks for a better way to cut up the kernels. */
  readonly tuning?: Tuning;
}

/** All networks of one shape. */
interface Family {
  readonly key: string;
  readonly plan: Plan;
  readonly pipelines: Pipelines;
  readonly pools: Set<Pool>;
  /** Room for more is being made. */
  growing: Promise<void> | undefined;
  /** Networks that have no slot yet. */
  waiting: number;
}

/** Who keeps the networks of a pool going, and whose pool it is. */
interface Place {
  readonly lane: Lane;
  readonly family: Family;
}

/** A device and what is resident on it. Everything of it rejects with DeviceLostError once the device is lost; then it is of no more use. */
export class Gpu {
  readonly info: DeviceInfo;
  readonly #device: GPUDevice;
  readonly #memoryBytes: number;
  readonly #unusedShapes: number;
  readonly #tuning: Tuning | undefined;
  readonly #families = new Map<string, Promise<Family>>();
  /** Those that have no network, the last used last. */
  readonly #unused = new Set<Family>();
  readonly #places = new Map<Pool, Place>();
  readonly #requests = new Map<Network, Request>();
  /** Of pools that are gone, but for what is still in flight of them. */
  readonly #leaving = new Set<Promise<void>>();
  #bytes = 0;
  #loss: DeviceLostError | undefined;

  static async open(options: GpuOptions): Promise<Gpu> {
    return new Gpu(await acquireDevice(options.allowSoftware), options);
  }

  private constructor(
    { device, info }: AcquiredDevice,
    { memoryBytes, unusedShapes = 32, tuning }: GpuOptions,
  ) {
    this.#device = device;
    this.info = info;
    this.#memoryBytes = memoryBytes ?? Number.POSITIVE_INFINITY;
    this.#unusedShapes = unusedShapes;
    this.#tuning = tuning;
    void device.lost.then(({ message }) => this.#lose(message));
    // Nobody asked for it to fail, so what it computed since can't be relied on.
    device.onuncapturederror = ({ error }) => this.#lose(error.message);
  }

  /** Bytes of device memory in buffers. */
  get bytes(): number {
    return this.#loss === undefined ? this.#bytes : 0;
  }

  /** One instance, for all who ask. */
  get loss(): DeviceLostError | undefined {
    return this.#loss;
  }

  /** @throws RangeError when there is not enough memory */
  async load(problem: Problem, state: TrainerState): Promise<{ network: Network; current: TraceRow }> {
    const family = await this.#family(shapeOf(problem));
    const { pool, slot } = await this.#place(family);
    const network = new Network(problem, pool, slot, state);
    try {
      await this.#onDevice(async () => {
        await family.pipelines.prepare(pool.occupied);
        pool.write(slot, problem, state);
      });
      await this.#request(network, { steps: 0, weightsAt: [], measureAt: [] });
    } catch (error) {
      this.free(network);
      throw error;
    }
    return { network, current: network.current! };
  }

  async advance(network: Network, asked: Asked): Promise<Advance> {
    return this.#request(network, asked);
  }

  /** Ends an advance under way after what was submitted of it. */
  stop(network: Network): void {
    this.#requests.get(network)?.stop();
  }

  /** Ends all that is under way, and resolves once the device computes nothing. */
  async quiesce(): Promise<void> {
    for (const request of this.#requests.values()) request.stop();
    await Promise.all([...this.#leaving, ...[...this.#places.values()].map(({ lane }) => lane.idle())]);
  }

  async read(network: Network): Promise<TrainerState> {
    return this.#onDevice(() => network.read());
  }

  async measure(network: Network): Promise<SpectralMeasures> {
    const { theta, xi } = await this.read(network);
    return new SpectralMeter(network.problem.modulus).measure(theta, xi);
  }

  /** Calls under way must have been waited for. */
  free({ pool, slot }: Network): void {
    pool.release(slot);
    if (pool.isEmpty) this.#drop(pool);
  }

  destroy(): void {
    this.#device.destroy();
  }

  async #request(network: Network, asked: Asked): Promise<Advance> {
    return this.#onDevice(async () => {
      const request = new Request(network, asked);
      this.#requests.set(network, request);
      this.#places.get(network.pool)!.lane.add(request);
      try {
        return await request.result;
      } finally {
        this.#requests.delete(network);
      }
    });
  }

  /** A call whose failure by a loss of the device is told as that loss. */
  async #onDevice<T>(call: () => Promise<T>): Promise<T> {
    if (this.#loss !== undefined) throw this.#loss;
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof RangeError)) await this.#lossBehind();
      throw this.#loss ?? error;
    }
  }

  #family(shape: Shape): Promise<Family> {
    const key = keyOf(shape);
    let family = this.#families.get(key);
    if (family === undefined) {
      family = this.#compile(key, shape);
      this.#families.set(key, family);
      family.catch(() => this.#families.delete(key));
    }
    return family;
  }

  async #compile(key: string, shape: Shape): Promise<Family> {
    const plan = planOf(shape, this.info.limits, this.#tuning);
    // It may take seconds to compile what then finds no room.
    await this.#makeRoom(plan);
    this.#capacity(plan, 1);
    const pipelines = await this.#onDevice(() => Pipelines.compile(this.#device, plan, 1));
    return { key, plan, pipelines, pools: new Set(), growing: undefined, waiting: 0 };
  }

  /** A slot of the family; of those who come together and find none, all wait for the same new room. */
  async #place(family: Family): Promise<{ pool: Pool; slot: Slot }> {
    family.waiting += 1;
    this.#unused.delete(family);
    try {
      for (;;) {
        if (this.#loss !== undefined) throw this.#loss;
        for (const pool of family.pools) {
          const slot = pool.take();
          if (slot !== undefined) return { pool, slot };
        }
        family.growing ??= this.#grow(family).finally(() => {
          family.growing = undefined;
        });
        await family.growing;
      }
    } finally {
      family.waiting -= 1;
      if (family.waiting === 0) this.#dropUnused(family);
    }
  }

  /** While a pool was made, who waited for it may have found slots that came free in older ones. */
  #dropUnused(family: Family): void {
    for (const pool of [...family.pools]) if (pool.isEmpty) this.#drop(pool);
    this.#rest(family);
  }

  /** A family without networks may be forgotten; those that have been so for longest are. */
  #rest(family: Family): void {
    if (family.pools.size > 0 || family.waiting > 0) return;
    this.#unused.add(family);
    if (this.#unused.size <= this.#unusedShapes) return;
    const [oldest] = this.#unused as Iterable<Family>;
    this.#unused.delete(oldest!);
    this.#families.delete(oldest!.key);
  }

  /** More room for the family: its last pool in a larger memory, or, where there is none for both meanwhile, another pool. */
  async #grow(family: Family): Promise<void> {
    const { plan, pools } = family;
    const last = [...pools].at(-1);
    const larger = last && (await this.#allocateLarger(family, last));
    if (larger === undefined) {
      await this.#makeRoom(plan);
      this.#addPool(family, await this.#allocate(family, this.#capacity(plan, smallestPool)));
      // Its last network may have left meanwhile, and the pool with it.
    } else if (pools.has(last!)) {
      this.#bytes -= last!.bytes;
      last!.moveTo(larger);
    } else this.#addPool(family, larger);
  }

  async #allocateLarger(family: Family, { capacity }: Pool): Promise<PoolMemory | undefined> {
    if (capacity >= largestCohort || !this.#fits(family.plan, 2 * capacity)) return undefined;
    return this.#tryToAllocate(family, 2 * capacity);
  }

  /** @returns undefined when the device has no memory left */
  async #tryToAllocate(family: Family, capacity: number): Promise<PoolMemory | undefined> {
    try {
      return await this.#allocate(family, capacity);
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }

  /** As many slots as asked for, or fewer when they would be too much memory. */
  #capacity(plan: Plan, wanted: number): number {
    const { bufferBytes } = this.info.limits;
    const slot = Math.max(...Object.values(plan.slotBytes));
    if (slot > bufferBytes)
      throw new RangeError(
        `a network of p = ${plan.shape.modulus}, M = ${plan.shape.width} takes buffers of ${slot} bytes; ${this.info.adapter} has at most ${bufferBytes}`,
      );
    let capacity = wanted;
    while (capacity > 1 && !this.#fits(plan, capacity)) capacity = Math.floor(capacity / 2);
    const bytes = poolBytes(plan, capacity);
    if (bytes > this.#room)
      throw new RangeError(
        `a network of p = ${plan.shape.modulus}, M = ${plan.shape.width} takes ${bytes} bytes of device memory; ${Math.max(0, this.#room)} of ${this.#memoryBytes} are free`,
      );
    return capacity;
  }

  get #room(): number {
    return this.#memoryBytes - this.#bytes;
  }

  /**
   * Takes pools the slots that they keep for more networks, where that leaves room for one of the plan. A pool is in two memories meanwhile: one
   * that finds no room for that stays as it is.
   */
  async #makeRoom(plan: Plan): Promise<void> {
    const wanted = poolBytes(plan, 1);
    const spare = [...this.#places]
      .filter(([pool, { family }]) => !pool.isEmpty && family.growing === undefined)
      .map(([pool]) => ({ pool, bytes: pool.bytes - poolBytes(pool.plan, pool.occupied) }))
      .filter(({ bytes }) => bytes > 0);
    if (this.#room + spare.reduce((sum, { bytes }) => sum + bytes, 0) < wanted) return;
    for (const { pool } of spare.sort((a, b) => a.bytes - b.bytes)) {
      if (this.#room >= wanted) return;
      await this.#shrink(pool);
    }
  }

  async #shrink(pool: Pool): Promise<void> {
    const place = this.#places.get(pool);
    if (place === undefined || poolBytes(pool.plan, pool.occupied) > this.#room) return;
    const memory = await this.#tryToAllocate(place.family, pool.occupied);
    if (memory === undefined) return;
    // Meanwhile it may have gone, been shrunk, or taken more in.
    if (this.#places.has(pool) && memory.capacity < pool.capacity && memory.capacity >= pool.occupied) {
      this.#bytes -= pool.bytes;
      pool.moveTo(memory);
    } else {
      this.#bytes -= memory.bytes;
      memory.destroy();
    }
  }

  #fits(plan: Plan, capacity: number): boolean {
    const slot = Math.max(...Object.values(plan.slotBytes));
    const room = Math.min(this.#memoryBytes - this.#bytes, mostPoolBytes);
    return capacity * slot <= this.info.limits.bufferBytes && poolBytes(plan, capacity) <= room;
  }

  async #allocate({ plan, pipelines }: Family, capacity: number): Promise<PoolMemory> {
    this.#device.pushErrorScope("out-of-memory");
    this.#device.pushErrorScope("validation");
    const memory = new PoolMemory(this.#device, plan, pipelines, capacity);
    const errors = [this.#device.popErrorScope(), this.#device.popErrorScope()];
    this.#bytes += memory.bytes;
    try {
      const [invalidity, shortage] = await this.#onDevice(() => Promise.all(errors));
      if (shortage) throw new RangeError(`${this.info.adapter} has no ${memory.bytes} bytes of memory left`);
      if (invalidity) throw new Error(`${this.info.adapter}: ${invalidity.message}`);
    } catch (error) {
      this.#bytes -= memory.bytes;
      memory.destroy();
      throw error;
    }
    return memory;
  }

  #addPool(family: Family, memory: PoolMemory): void {
    const pool = new Pool(this.#device, family.plan, family.pipelines, memory);
    const lane = new Lane(pool, async (error) => {
      await this.#lossBehind();
      this.#lose((error as Error).message);
    });
    this.#places.set(pool, { family, lane });
    family.pools.add(pool);
  }

  #drop(pool: Pool): void {
    const { family, lane } = this.#places.get(pool)!;
    this.#places.delete(pool);
    const idle = lane.idle().finally(() => this.#leaving.delete(idle));
    this.#leaving.add(idle);
    family.pools.delete(pool);
    this.#bytes -= pool.bytes;
    pool.destroy();
    this.#rest(family);
  }

  /** Gives a loss, if one is behind a failure, the time to be told. */
  async #lossBehind(): Promise<void> {
    if (this.#loss !== undefined) return;
    await Promise.race([this.#device.lost, setTimeout(lossDelayMs, undefined, { ref: false })]);
  }

  #lose(message: string): void {
    if (this.#loss !== undefined) return;
    this.#loss = new DeviceLostError(`${this.info.adapter} was lost: ${message || "no reason given"}`);
    for (const { lane } of this.#places.values()) lane.fail(this.#loss);
    this.#device.destroy();
  }
}

function keyOf({ modulus, width, activation, optimizer, dimension, grokfast }: Shape): string {
  return [modulus, width, activation, optimizer, dimension, grokfast].join(" ");
}
