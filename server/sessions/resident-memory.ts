import type { Engine } from "../engine/engine.ts";
import type { Spec } from "../model/spec.ts";
import type { Engines } from "./engines.ts";
import { isExtra } from "./extra-measures.ts";
import { type MeasureSchedule, measuredASlice, needsWeights } from "./measure-schedule.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import { extraBytes, pointBytes } from "./progress-log.ts";
import type { Session } from "./session.ts";

/** What of a session decides how much memory it takes while it is resident. */
export interface Footprint {
  readonly engine: Engine;
  readonly spec: Spec;
  readonly measures: MeasureSchedule;
  /** Points in its log carry extra measures. */
  readonly hasExtras: boolean;
}

/** Bytes of the server's memory, and of the engine's own, which is 0 where that has none. */
interface Bytes {
  readonly host: number;
  readonly device: number;
}

interface Reservation extends Bytes {
  readonly engine: Engine;
}

export interface ResidentMemoryParts {
  readonly host: MemoryBudget;
  readonly engines: Engines;
  readonly retainedProgressPoints: number;
  /** All that there are, some of which may be put to sleep. */
  readonly sessions: () => Iterable<Session>;
}

/** Memory that is set aside for sessions before they become resident: the server's, and a device's own, counted apart. */
export class ResidentMemory {
  readonly #parts: ResidentMemoryParts;
  readonly #reserved = new Map<Session, Reservation>();

  constructor(parts: ResidentMemoryParts) {
    this.#parts = parts;
  }

  /** The memory would do, were it empty. */
  holds(footprint: Footprint): boolean {
    const { host, device } = this.#bytes(footprint);
    const own = this.#parts.engines.memory(footprint.engine);
    return host <= this.#parts.host.limitBytes && (own === undefined || device <= own.limitBytes);
  }

  /**
   * Sets memory aside for a session that is still to be made. Fails with OUT_OF_MEMORY.
   *
   * @returns what gives it back, unless it was given to the session
   */
  async prepare(
    footprint: Footprint,
    what: string,
  ): Promise<{ give(session: Session): void; release(): void }> {
    const { engine } = footprint;
    const reservation = { engine, ...this.#bytes(footprint) };
    await this.#take(engine, reservation, what);
    return {
      give: (session) => this.#reserved.set(session, reservation),
      release: () => this.#return(reservation),
    };
  }

  async reserve(session: Session, engine: Engine): Promise<void> {
    const { give } = await this.prepare({ ...footprintOf(session), engine }, session.name);
    give(session);
  }

  release(session: Session): void {
    const reserved = this.#reserved.get(session);
    if (reserved === undefined) return;
    this.#reserved.delete(session);
    this.#return(reserved);
  }

  /** Sets aside more or less for a session that is resident. Fails with OUT_OF_MEMORY, changing nothing. */
  async resize(session: Session): Promise<void> {
    const before = this.#reserved.get(session);
    if (before === undefined) return;
    const { engine } = before;
    const after = this.#bytes({ ...footprintOf(session), engine });
    const more = { host: after.host - before.host, device: after.device - before.device };
    if (more.host > 0 || more.device > 0) await this.#take(engine, more, session.name);
    else this.#return({ engine, host: -more.host, device: -more.device });
    this.#reserved.set(session, { engine, ...after });
  }

  /**
   * Sets memory aside for a resident session that is to move to another engine, beside what it has. Fails with OUT_OF_MEMORY.
   *
   * @returns what gives back what it does not need, after the move or without it
   */
  async move(session: Session, engine: Engine): Promise<(hasMoved: boolean) => void> {
    const before = this.#reserved.get(session);
    const { give, release } = await this.prepare(
      { ...footprintOf(session), engine },
      `${session.name} on ${engine.name}`,
    );
    return (hasMoved) => {
      if (!hasMoved) return release();
      if (before !== undefined) this.#return(before);
      give(session);
    };
  }

  /** Sets the server's memory aside for something else; `host` gives it back. Fails with OUT_OF_MEMORY. */
  async reserveBeside(bytes: number, what: string): Promise<void> {
    await this.#take(undefined, { host: bytes, device: 0 }, what);
  }

  async #take(engine: Engine | undefined, bytes: Bytes, what: string): Promise<void> {
    const { host, engines, sessions } = this.#parts;
    const own = engine && engines.memory(engine);
    const fits = () => host.fits(bytes.host) && (own === undefined || own.fits(bytes.device));
    if (!fits()) {
      const awake = [...sessions()].filter(({ training, isQuiet }) => training.isAwake && isQuiet);
      for (const session of awake.sort((a, b) => a.usedMs - b.usedMs)) {
        // What sleeps elsewhere makes no room on this device.
        if (host.fits(bytes.host) && session.training.engine !== engine) continue;
        await session.sleep();
        if (fits()) break;
      }
    }
    host.reserve(bytes.host, what);
    try {
      own?.reserve(bytes.device, what);
    } catch (error) {
      host.release(bytes.host);
      throw error;
    }
  }

  #return({ engine, host, device }: Reservation): void {
    this.#parts.host.release(host);
    this.#parts.engines.memory(engine)?.release(device);
  }

  /**
   * What a session takes while it is resident, its log when that is full. Measures of weights take the base, and the weights of the
   * states of two slices, one under way and one measured meanwhile; the columns of extra ones stay as long as a point has any.
   */
  #bytes({ engine, spec, measures, hasExtras }: Footprint): Bytes {
    const { engines, retainedProgressPoints } = this.#parts;
    const { modulus, width } = spec;
    const takesExtras = measures.some(({ measure }) => isExtra(measure));
    const copies = needsWeights(measures.map(({ measure }) => measure))
      ? 1 + 2 * measuredASlice(modulus, width)
      : 0;
    const extra =
      copies * 2 * 4 * modulus * width + (takesExtras || hasExtras ? extraBytes * retainedProgressPoints : 0);
    const log = pointBytes * retainedProgressPoints;
    const trainer = engine.bytesOf(spec);
    return engines.memory(engine) === undefined
      ? { host: trainer + log + extra, device: 0 }
      : { host: log + extra, device: trainer };
  }
}

function footprintOf({ training, spec, measures, log }: Session): Footprint {
  return { engine: training.engine, spec, measures, hasExtras: log.hasExtras };
}
