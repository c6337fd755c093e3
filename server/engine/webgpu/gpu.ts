import { type SpectralMeasures, SpectralMeter } from "../../model/spectral-measures.ts";
import type { Advance, Problem, TrainerState } from "../engine.ts";
import { DeviceLostError } from "../errors.ts";
import { type AcquiredDevice, acquireDevice, type DeviceInfo } from "./device.ts";
import { Lane } from "./lane.ts";
import { type Asked, Network, Request } from "./network.ts";
import { Pipelines } from "./pipelines.ts";
import { type Plan, planOf, type Shape } from "./plan.ts";
import { Pool, poolBytes } from "./pool.ts";
import type { TraceRow } from "./trace-row.ts";

/** The first pool of a shape has so many slots, and each further one twice as many as the last, within `largestPool`. */
const [smallestPool, largestPool] = [4, 256];

/** A pool of more than one network is no larger than this. */
const mostPoolBytes = 512 << 20;

export interface GpuOptions {
  readonly allowSoftware: boolean;
  /** Bytes of device memory that buffers may take; undefined: as many as the device gives. */
  readonly memoryBytes: number | undefined;
}

/** All networks of one shape. */
interface Family {
  readonly plan: Plan;
  readonly pipelines: Pipelines;
  readonly pools: Set<Pool>;
}

/** A device and what is resident on it. Everything of it rejects with DeviceLostError once the device is lost; then it is of no more use. */
export class Gpu {
  readonly info: DeviceInfo;
  readonly #device: GPUDevice;
  readonly #memoryBytes: number;
  readonly #families = new Map<string, Promise<Family>>();
  readonly #lanes = new Map<Pool, Lane>();
  readonly #requests = new Map<Network, Request>();
  #bytes = 0;
  #lost: DeviceLostError | undefined;

  static async open({ allowSoftware, memoryBytes }: GpuOptions): Promise<Gpu> {
    return new Gpu(await acquireDevice(allowSoftware), memoryBytes);
  }

  private constructor({ device, info }: AcquiredDevice, memoryBytes = Number.POSITIVE_INFINITY) {
    this.#device = device;
    this.info = info;
    this.#memoryBytes = memoryBytes;
    void device.lost.then(({ message }) => this.#lose(message));
  }

  /** Bytes of device memory in buffers. */
  get bytes(): number {
    return this.#bytes;
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** @throws RangeError when there is not enough memory */
  async load(problem: Problem, state: TrainerState): Promise<{ network: Network; current: TraceRow }> {
    const family = await this.#family(shapeOf(problem));
    const { pool, slot } = await this.#place(family);
    const network = new Network(problem, pool, slot, state.step);
    try {
      pool.write(slot, problem, state);
      await this.#request(network, { steps: 0, weightsAt: [], measureAt: [] });
    } catch (error) {
      this.free(network);
      throw this.#lost ?? error;
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

  async read(network: Network): Promise<TrainerState> {
    return this.#onDevice(() => network.read());
  }

  async measure(network: Network): Promise<SpectralMeasures> {
    const { theta, xi } = await this.read(network);
    return new SpectralMeter(network.problem.modulus).measure(theta, xi);
  }

  /** A request under way must have been waited for. */
  free({ pool, slot }: Network): void {
    pool.release(slot);
    if (!pool.isEmpty) return;
    this.#lanes.delete(pool);
    this.#bytes -= pool.bytes;
    pool.destroy();
    void this.#families.get(keyOf(pool.plan.shape))?.then(({ pools }) => pools.delete(pool));
  }

  destroy(): void {
    this.#device.destroy();
  }

  async #request(network: Network, asked: Asked): Promise<Advance> {
    if (this.#lost) throw this.#lost;
    const request = new Request(network, asked);
    this.#requests.set(network, request);
    this.#lanes.get(network.pool)!.add(request);
    try {
      return await this.#onDevice(() => request.result);
    } finally {
      this.#requests.delete(network);
    }
  }

  async #onDevice<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      // A mapping that a loss interrupts fails a moment before the loss is told.
      await new Promise((resolve) => setImmediate(resolve));
      throw this.#lost ?? error;
    }
  }

  #family(shape: Shape): Promise<Family> {
    const key = keyOf(shape);
    let family = this.#families.get(key);
    if (family === undefined) {
      family = this.#compile(shape);
      this.#families.set(key, family);
      family.catch(() => this.#families.delete(key));
    }
    return family;
  }

  async #compile(shape: Shape): Promise<Family> {
    const plan = planOf(shape, this.info.limits);
    const pipelines = await this.#onDevice(() => Pipelines.compile(this.#device, plan));
    return { plan, pipelines, pools: new Set() };
  }

  async #place({ plan, pipelines, pools }: Family): Promise<{ pool: Pool; slot: number }> {
    if (this.#lost) throw this.#lost;
    for (const pool of pools) {
      const slot = pool.take();
      if (slot !== undefined) return { pool, slot };
    }
    const last = Math.max(0, ...[...pools].map(({ capacity }) => capacity));
    const wanted = Math.min(largestPool, last === 0 ? smallestPool : 2 * last);
    const pool = await this.#makePool(plan, pipelines, this.#capacity(plan, wanted));
    pools.add(pool);
    return { pool, slot: pool.take()! };
  }

  /** As many slots as asked for, or fewer when they would be too much memory. */
  #capacity(plan: Plan, wanted: number): number {
    const { bufferBytes } = this.info.limits;
    const slot = Math.max(...Object.values(plan.slotBytes));
    if (slot > bufferBytes)
      throw new RangeError(
        `a network of p = ${plan.shape.modulus}, M = ${plan.shape.width} takes buffers of ${slot} bytes; ${this.info.adapter} has at most ${bufferBytes}`,
      );
    const room = this.#memoryBytes - this.#bytes;
    let capacity = wanted;
    const isTooLarge = () =>
      capacity * slot > bufferBytes || poolBytes(plan, capacity) > Math.min(room, mostPoolBytes);
    while (capacity > 1 && isTooLarge()) capacity = Math.floor(capacity / 2);
    const bytes = poolBytes(plan, capacity);
    if (bytes > room)
      throw new RangeError(
        `a network of p = ${plan.shape.modulus}, M = ${plan.shape.width} takes ${bytes} bytes of device memory; ${Math.max(0, room)} of ${this.#memoryBytes} are free`,
      );
    return capacity;
  }

  async #makePool(plan: Plan, pipelines: Pipelines, capacity: number): Promise<Pool> {
    this.#device.pushErrorScope("out-of-memory");
    this.#device.pushErrorScope("validation");
    const pool = new Pool(this.#device, plan, pipelines, capacity);
    const [invalid, full] = [this.#device.popErrorScope(), this.#device.popErrorScope()];
    this.#bytes += pool.bytes;
    this.#lanes.set(pool, new Lane(pool));
    const [invalidity, shortage] = await this.#onDevice(() => Promise.all([invalid, full]));
    if (invalidity === null && shortage === null) return pool;
    this.#bytes -= pool.bytes;
    this.#lanes.delete(pool);
    pool.destroy();
    if (shortage === null) throw new Error(`${this.info.adapter}: ${invalidity!.message}`);
    throw new RangeError(`${this.info.adapter} has no ${pool.bytes} bytes of memory left`);
  }

  #lose(message: string): void {
    this.#lost = new DeviceLostError(`${this.info.adapter} was lost: ${message || "no reason given"}`);
    for (const lane of this.#lanes.values()) lane.fail(this.#lost);
  }
}

function shapeOf({ modulus, width, activation, optimizer }: Problem): Shape {
  return { modulus, width, activation, optimizer: optimizer.kind };
}

function keyOf({ modulus, width, activation, optimizer }: Shape): string {
  return `${modulus} ${width} ${activation} ${optimizer}`;
}
