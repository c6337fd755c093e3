import type { Engine } from "../engine/engine.ts";
import type { Store } from "../store/store.ts";
import { toGrokboxError } from "./keeper.ts";
import type { ProgressLog } from "./progress-log.ts";
import { stateOf } from "./snapshot.ts";
import type { Training } from "./training.ts";

export interface ResidenceParts {
  readonly id: string;
  readonly training: Training;
  readonly store: Store;
  /** Sets memory aside before the trainer and the log become resident. */
  readonly reserve: (engine: Engine) => Promise<void>;
  /** Sets aside what the log turns out to need besides, once it is loaded. */
  readonly resize: () => Promise<void>;
  /** Gives it back. */
  readonly release: () => void;
}

/** What of a session is in memory: its trainer and its log, or neither. */
export class Residence {
  readonly #parts: ResidenceParts;
  readonly #log: ProgressLog;
  #loading: Promise<void> | undefined;
  /** Who reads the log at the moment. */
  #readers = 0;
  /** When it was last used, by `performance.now()`. */
  #usedMs = performance.now();

  constructor(parts: ResidenceParts) {
    this.#parts = parts;
    this.#log = parts.training.log;
  }

  get usedMs(): number {
    return this.#usedMs;
  }

  /** Makes the session resident at the state that the store has of it. With the trainer to itself. */
  async wake(): Promise<void> {
    this.#usedMs = performance.now();
    const { training } = this.#parts;
    if (!training.isAwake) await this.#wakeOn(training.engine);
  }

  /** Makes a session that is asleep resident on another engine than its own. Fails with the engine that it had. */
  async wakeOn(engine: Engine): Promise<void> {
    this.#usedMs = performance.now();
    await this.#wakeOn(engine);
  }

  async #wakeOn(engine: Engine): Promise<void> {
    const { id, training, store, reserve, resize, release } = this.#parts;
    await reserve(engine);
    // Somebody else who leaves the log meanwhile must not unload what the trainer is about to go on with.
    this.#readers += 1;
    try {
      await this.#load();
      await resize();
      const { arrays, train } = await store.readHead(id);
      const committed = { state: stateOf(training.step, arrays), train };
      if (engine === training.engine) await training.wake(committed);
      else await training.move(engine, committed);
    } catch (error) {
      release();
      throw toGrokboxError(error);
    } finally {
      this.#readers -= 1;
      this.restLog();
    }
  }

  /** Frees its memory. Its state must be in the store, unless it will not be used again. */
  sleep(): void {
    const { training, release } = this.#parts;
    if (!training.isAwake) return;
    training.sleep();
    release();
    this.restLog();
  }

  /** Runs `work` on the log with all its points, which of a sleeping session are only here meanwhile. */
  async withLog<T>(work: (log: ProgressLog) => T): Promise<T> {
    this.#usedMs = performance.now();
    this.#readers += 1;
    try {
      await this.#load();
      return work(this.#log);
    } finally {
      this.#readers -= 1;
      this.restLog();
    }
  }

  /** Lets the points of a sleeping session go, unless somebody reads them or is still to. */
  restLog(): void {
    if (this.#parts.training.isAwake || this.#readers > 0 || this.#log.isWanted) return;
    if (this.#loading === undefined) this.#log.unload();
  }

  async #load(): Promise<void> {
    if (this.#log.isLoaded) return;
    this.#loading ??= this.#parts.store
      .readProgress(this.#parts.id)
      .then(
        (rows) => this.#log.load(rows),
        (error) => {
          throw toGrokboxError(error);
        },
      )
      .finally(() => {
        this.#loading = undefined;
      });
    await this.#loading;
  }
}
