import type { Engine, Shape } from "../engine/engine.ts";
import { lackedOptions } from "./awake.ts";
import type { Calibration } from "./calibration.ts";
import { GrokboxError } from "./errors.ts";
import { MemoryBudget } from "./memory-budget.ts";
import type { Observer } from "./observer.ts";
import { fastest, type Placement } from "./placement.ts";
import { Scheduler } from "./scheduler.ts";

/** An engine that this server offers. */
export interface OfferedEngine {
  readonly engine: Engine;
  /** Why a faster variant is not used; empty when it is. */
  readonly fallbackReason: string;
  /** How fast it is here; absent where there is nothing to choose, or where it could not be timed. */
  readonly calibration?: Calibration;
}

/** One that it would offer if it worked here. */
export interface AbsentEngine {
  readonly name: string;
  /** Why there is none. */
  readonly reason: string;
}

export interface EngineSet {
  /** The preferred one first. */
  readonly offered: readonly OfferedEngine[];
  readonly absent: readonly AbsentEngine[];
  /** Computes the logits of analyses; offered or not. */
  readonly evaluator: Engine;
}

/** What sessions share of one engine. */
interface Device {
  readonly scheduler: Scheduler;
  /** Undefined: its trainers take the host's memory. */
  readonly memory: MemoryBudget | undefined;
}

/** The engines of a server, and what sessions share of each: its turns and its memory. */
export class Engines implements EngineSet {
  readonly offered: readonly OfferedEngine[];
  readonly absent: readonly AbsentEngine[];
  readonly evaluator: Engine;
  readonly #observer: Observer;
  readonly #devices = new Map<Engine, Device>();
  /** In place of those that sessions from a store had, and that are not here now. */
  readonly #missing = new Map<string, Engine>();

  constructor({ offered, absent, evaluator }: EngineSet, observer: Observer) {
    this.offered = offered;
    this.absent = absent;
    this.evaluator = evaluator;
    this.#observer = observer;
  }

  scheduler(engine: Engine): Scheduler {
    return this.#device(engine).scheduler;
  }

  /** Of the device's own memory; undefined when its trainers take the host's. */
  memory(engine: Engine): MemoryBudget | undefined {
    return this.#device(engine).memory;
  }

  /** Of all that somebody used. */
  get schedulers(): readonly Scheduler[] {
    return [...this.#devices.values()].map(({ scheduler }) => scheduler);
  }

  /** Fails with ENGINE_ABSENT when there is none of this name. */
  get(name: string): Engine {
    const found = this.offered.find(({ engine }) => engine.name === name);
    if (found === undefined) throw this.#absence(name);
    return found.engine;
  }

  /**
   * That of a session which has one already. A session stays on its engine: where that is not here now, whatever needs it fails with
   * ENGINE_ABSENT, until it is back or the session is moved.
   */
  of(name: string): Engine {
    const found = this.offered.find(({ engine }) => engine.name === name);
    if (found !== undefined) return found.engine;
    let missing = this.#missing.get(name);
    if (missing === undefined) {
      missing = missingEngine(name, this.#absence(name));
      this.#missing.set(name, missing);
    }
    return missing;
  }

  /** It is one of a session that has none here. */
  isMissing(engine: Engine): boolean {
    return this.#missing.get(engine.name) === engine;
  }

  /** It can be asked for: it is here, or it is known why not. */
  knows(name: string): boolean {
    return [...this.offered.map(({ engine }) => engine.name), ...this.absent.map((one) => one.name)].includes(
      name,
    );
  }

  /**
   * The engine for a session: the one asked for, else the fastest for its network beside those that train there.
   *
   * @param name - empty or `auto` for whichever is best
   * @param training - how many sessions train on an engine
   * @param holds - whether an engine has the memory for it, were it empty
   */
  place(
    name: string,
    shape: Shape,
    training: (engine: Engine) => number,
    holds: (engine: Engine) => boolean,
  ): Placement {
    if (name !== "" && name !== "auto") return { engine: this.get(name), reason: "asked for" };
    const [preferred, ...others] = this.offered;
    if (others.length === 0) return { engine: preferred!.engine, reason: "the only engine of this server" };
    const able = this.offered.filter(
      ({ engine }) => holds(engine) && lackedOptions(engine, shape).length === 0,
    );
    const candidates = able.flatMap(({ engine, calibration }) =>
      calibration === undefined ? [] : [{ engine, calibration, training: training(engine) }],
    );
    if (candidates.length > 1) return fastest(candidates, shape);
    const engine = candidates[0]?.engine ?? able[0]?.engine ?? preferred!.engine;
    if (able.length === 1)
      return { engine, reason: "the only engine that has the memory and the options for it" };
    if (candidates.length === 1) return { engine, reason: "the only engine that could be timed" };
    return { engine, reason: "the preferred engine of this server" };
  }

  async close(): Promise<void> {
    const all = new Set([this.evaluator, ...this.offered.map(({ engine }) => engine)]);
    // One may compute logits with another.
    for (const engine of [...all].filter((other) => other !== this.evaluator)) await engine.close();
    await this.evaluator.close();
  }

  #device(engine: Engine): Device {
    let device = this.#devices.get(engine);
    if (device === undefined) {
      const { name, parts, memoryBytes } = engine;
      device = {
        scheduler: new Scheduler(name, this.#observer, parts),
        memory:
          memoryBytes === undefined ? undefined : new MemoryBudget(memoryBytes, `the memory of ${name}`),
      };
      this.#devices.set(engine, device);
    }
    return device;
  }

  #absence(name: string): GrokboxError {
    const why =
      this.absent.find((one) => one.name === name)?.reason ?? "this server was not told to offer it";
    return new GrokboxError("ENGINE_ABSENT", `engine ${name} is not here: ${why}`, { engine: name });
  }
}

/** An engine that refuses to do anything. */
function missingEngine(name: string, error: GrokboxError): Engine {
  return {
    name,
    variant: "",
    device: "absent",
    isa: "",
    threads: 0,
    parts: 1,
    precision: "float32",
    deterministic: true,
    bytesOf: () => 0,
    open: () => Promise.reject(error),
    advance: (cohort) => cohort.map(() => Promise.reject(error)),
    logits: () => Promise.reject(error),
    close: () => Promise.resolve(),
  };
}
