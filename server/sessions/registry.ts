import { randomBytes } from "node:crypto";
import type { Engine, TrainerState } from "../engine/engine.ts";
import type { Spec } from "../model/spec.ts";
import { Analyst } from "./analyst.ts";
import { Answers } from "./answers.ts";
import { GrokboxError } from "./errors.ts";
import { MemoryBudget } from "./memory-budget.ts";
import { type Observer, unobserved } from "./observer.ts";
import { ProgressLog } from "./progress-log.ts";
import { Scheduler, type Urgency } from "./scheduler.ts";
import { Session } from "./session.ts";
import type { Snapshot } from "./snapshot.ts";
import type { SessionState } from "./state.ts";
import { Training } from "./training.ts";
import { Uploads } from "./uploads.ts";

export interface Limits {
  readonly maxSessions: number;
  readonly maxQueuedCommands: number;
  readonly maxSnapshotsPerSession: number;
  readonly retainedProgressPoints: number;
  /** Of states, snapshots and uploads together. */
  readonly maxStateBytes: number;
}

/** An engine that this server offers, and why it is as it is. */
export interface OfferedEngine {
  readonly engine: Engine;
  readonly reason: string;
  /** Why a faster variant is not used; empty when it is. */
  readonly fallbackReason: string;
}

export interface StartInput {
  readonly spec: Spec;
  readonly preset: string;
  readonly labels: Readonly<Record<string, string>>;
  /** A name of an offered engine, or `auto`. */
  readonly engine: string;
  readonly recordEvery: number;
  /** Weights from elsewhere, and the pairs that train when they are not to be drawn. */
  readonly state?: TrainerState;
  readonly train?: Uint8Array;
}

export interface SessionFilter {
  readonly states: readonly SessionState[];
  readonly labels: Readonly<Record<string, string>>;
}

/** A trainer's weights, gradients and moments, and its copy to go back to when a loss diverges. */
const residentArrays = 16;

/** What a normal draw costs, roughly, beside a multiply-add. */
const operationsADraw = 32;

/** What an engine keeps of a pair of inputs besides its logits: labels, classes, weights. */
const residentPairBytes = 20;

/** Of a progress point in the log. */
const pointBytes = 112;

/** All sessions of this box, and what they share. */
export class Registry {
  readonly limits: Limits;
  /** The preferred engine first. */
  readonly engines: readonly OfferedEngine[];
  readonly memory: MemoryBudget;
  readonly uploads: Uploads;
  readonly answers = new Answers();
  readonly analyst = new Analyst();
  readonly #observer: Observer;
  readonly #schedulers: ReadonlyMap<Engine, Scheduler>;
  readonly #sessions = new Map<string, Session>();
  #starting = 0;
  #started = 0;
  readonly #closing = new AbortController();

  constructor(engines: readonly OfferedEngine[], limits: Limits, observer: Observer = unobserved) {
    this.engines = engines;
    this.limits = limits;
    this.memory = new MemoryBudget(limits.maxStateBytes);
    this.uploads = new Uploads(this.memory);
    this.#schedulers = new Map(engines.map(({ engine }) => [engine, new Scheduler(engine.name, observer)]));
    this.#observer = observer;
  }

  /** Makes a session and records its first progress point. */
  async start(input: StartInput): Promise<Session> {
    this.checkOpen();
    const { maxSessions } = this.limits;
    if (this.#sessions.size + this.#starting >= maxSessions) {
      throw new GrokboxError("TOO_MANY_SESSIONS", `there are ${maxSessions} sessions already; delete some`, {
        limit: maxSessions,
      });
    }
    const bytes = this.#residentBytes(input.spec);
    this.memory.reserve(bytes, "the session");
    this.#starting += 1;
    try {
      const session = await this.#open(input);
      this.#sessions.set(session.name, session);
      return session;
    } catch (error) {
      this.memory.release(bytes);
      throw error;
    } finally {
      this.#starting -= 1;
    }
  }

  get(name: string): Session {
    const session = this.#sessions.get(name);
    if (session !== undefined) return session;
    throw new GrokboxError("SESSION_NOT_FOUND", `${name} does not exist`, { session: name });
  }

  getSnapshot(session: string, step: number): Snapshot {
    return this.get(session).getSnapshot(step);
  }

  /** Matching sessions, newest first, those older than the one with ordinal `before`. */
  *list({ states, labels }: SessionFilter, before: number): Generator<Session> {
    for (const session of [...this.#sessions.values()].reverse()) {
      if (session.identity.ordinal >= before) continue;
      const inState = states.length === 0 || states.includes(session.state);
      const labelled = Object.entries(labels).every(([key, value]) => session.identity.labels[key] === value);
      if (inState && labelled) yield session;
    }
  }

  async delete(name: string): Promise<void> {
    const session = this.get(name);
    this.#sessions.delete(name);
    await session.delete();
    this.memory.release(this.#residentBytes(session.spec));
  }

  /** Aborts when the shutdown begins. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** All sessions, oldest first. */
  all(): Iterable<Session> {
    return this.#sessions.values();
  }

  /** Turns that wait for a device, by urgency. */
  queueDepth(): Readonly<Record<Urgency, number>> {
    const depths = [...this.#schedulers.values()].map(({ depth }) => depth);
    const sum = (urgency: Urgency) => depths.reduce((total, depth) => total + depth[urgency], 0);
    return { interactive: sum("interactive"), background: sum("background") };
  }

  /** Fails with SHUTTING_DOWN once `shutDown` was called. */
  checkOpen(): void {
    if (this.closing.aborted)
      throw new GrokboxError("SHUTTING_DOWN", "the server is shutting down; try again after it is back");
  }

  /** Finishes the slices under way and lets every stream end. */
  async shutDown(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#sessions.values()].map((session) => session.shutDown()));
  }

  /** Frees everything; after `shutDown`. */
  async close(): Promise<void> {
    await this.analyst.close();
    await Promise.all(this.engines.map(({ engine }) => engine.close()));
  }

  async #open(input: StartInput): Promise<Session> {
    const { spec } = input;
    const { engine, reason } = this.#choose(input.engine);
    const operations = spec.modulus * spec.width * operationsADraw;
    let { state, train } = input;
    if (state === undefined) {
      const initial = await this.analyst.run("initialState", operations, spec);
      state = { step: 0, theta: initial.theta, xi: initial.xi };
      train = initial.train;
    }
    train ??= await this.analyst.run("drawSplit", operations, spec);
    const log = new ProgressLog(this.limits.retainedProgressPoints);
    const training = await Training.open(
      { engine, analyst: this.analyst, log, observer: this.#observer },
      spec,
      train,
      state,
    );
    try {
      await training.record();
    } catch (error) {
      training.close();
      throw error;
    }
    return new Session(
      {
        name: `sessions/${randomBytes(6).toString("hex")}`,
        ordinal: ++this.#started,
        preset: input.preset,
        labels: input.labels,
        engine: engine.name,
        engineReason: reason,
        recordEvery: input.recordEvery,
      },
      {
        training,
        log,
        scheduler: this.#schedulers.get(engine)!,
        memory: this.memory,
        maxQueuedCommands: this.limits.maxQueuedCommands,
        maxSnapshots: this.limits.maxSnapshotsPerSession,
      },
    );
  }

  /** What a session takes while it is there, its log when that is full. */
  #residentBytes({ modulus, width }: Spec): number {
    const pairs = (modulus * (modulus + 1)) / 2;
    const logits = pairs * Math.ceil(modulus / 16) * 16;
    return (
      4 * (residentArrays * modulus * width + logits) +
      pairs * residentPairBytes +
      pointBytes * this.limits.retainedProgressPoints
    );
  }

  #choose(name: string): OfferedEngine {
    if (name === "" || name === "auto") return this.engines[0]!;
    const offered = this.engines.find(({ engine }) => engine.name === name);
    if (offered === undefined) throw new RangeError(`no engine ${name}`);
    return { ...offered, reason: "asked for" };
  }
}
