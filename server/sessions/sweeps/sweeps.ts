import { randomBytes } from "node:crypto";
import type { AnswerRow, Damage } from "../../store/store.ts";
import { Analyst } from "../analyst.ts";
import { GrokboxError } from "../errors.ts";
import { toGrokboxError } from "../keeper.ts";
import type { Registry } from "../registry.ts";
import type { Session } from "../session.ts";
import { type InvalidCells, noInvalidCells } from "./cell-violations.ts";
import { type SweepDefinition, storedDefinition } from "./definition.ts";
import { type AnswerOf, Sweep, type SweepIdentity, type SweepParts, type SweepRecord } from "./sweep.ts";

/** Bounds that are the server's to set. */
export interface SweepLimits {
  /** Sweeps at a time, finished ones among them. */
  readonly maxSweeps: number;
  /** Runs of one sweep: cells with every seed. */
  readonly maxSweepRuns: number;
}

export const defaultSweepLimits: SweepLimits = { maxSweeps: 1_000, maxSweepRuns: 100_000 };

/** All sweeps of this box. They use its sessions; sessions know nothing of them but to whom they belong. */
export class Sweeps {
  readonly registry: Registry;
  readonly limits: SweepLimits;
  readonly analyst = new Analyst();
  readonly #onDefect: (error: unknown) => void;
  readonly #sweeps = new Map<string, Sweep>();
  /** Deleted, but for some of their rows. */
  readonly #undeleted = new Set<Sweep>();
  #started = 0;
  #starting = 0;

  constructor(registry: Registry, onDefect: (error: unknown) => void, limits = defaultSweepLimits) {
    this.registry = registry;
    this.limits = limits;
    this.#onDefect = onDefect;
  }

  /**
   * Brings back what the store has, after the registry has brought back the sessions: they go on, or if `resume` says no, are paused.
   *
   * @returns what is damaged and was left out, for the log
   */
  async restore({ resume }: { readonly resume: boolean }): Promise<readonly Damage[]> {
    const { sweeps, damaged } = await this.registry.store.loadSweeps();
    const owned = Map.groupBy(
      [...this.registry.all()].filter(({ owner }) => owner !== undefined),
      ({ owner }) => owner!,
    );
    for (const loaded of sweeps) {
      const name = `sweeps/${loaded.row.id}`;
      const { ordinal, createTimeMs, state, body } = loaded.row;
      const finished = new Set(loaded.runs);
      const sessions: Session[] = [];
      for (const session of owned.get(name) ?? []) {
        // Its run has ended, and only its own end was not done.
        if (finished.has(session.identity.sweep!.run)) await this.#forget(session);
        else sessions.push(session);
      }
      owned.delete(name);
      this.#started = Math.max(this.#started, ordinal);
      const identity = { name, ordinal, createTimeMs };
      const stored = body as SweepRecord;
      const record = { ...stored, definition: storedDefinition(stored.definition) };
      const sweep = new Sweep(identity, record, this.#parts, { ...loaded, sessions });
      if (state === "deleted") {
        await sweep.forget().catch((error) => this.#tolerate(error));
        continue;
      }
      this.#sweeps.set(name, sweep);
      if (state === "cancelled") await sweep.dropActive().catch((error) => this.#tolerate(error));
      else if (resume) sweep.begin();
      else if (state === "running") await sweep.pause().catch((error) => this.#tolerate(error));
    }
    // Of sweeps that are lost or whose deletion was done but for them.
    for (const session of [...owned.values()].flat()) await this.#forget(session);
    return damaged;
  }

  get #parts(): SweepParts {
    return { registry: this.registry, analyst: this.analyst, onDefect: this.#onDefect };
  }

  async #forget(session: Session): Promise<void> {
    await this.registry.delete(session.name).catch((error) => this.#tolerate(error));
  }

  /** A full disk, say, which shows as the store's alarm. */
  #tolerate(error: unknown): void {
    if (!(error instanceof GrokboxError)) this.#onDefect(error);
  }

  /**
   * Makes a sweep of a checked definition durable, and begins.
   *
   * @param answerOf - the answer that tells of it
   * @param invalid - of its cells, where not all have a spec
   */
  async start(
    definition: SweepDefinition,
    answerOf: (sweep: Sweep) => AnswerRow | undefined,
    invalid: InvalidCells = noInvalidCells,
  ): Promise<Sweep> {
    this.registry.checkOpen();
    this.#forgetDeleted();
    const { maxSweeps: limit } = this.limits;
    if (this.#sweeps.size + this.#starting >= limit)
      throw new GrokboxError("TOO_MANY_SWEEPS", `there are ${limit} sweeps already; delete some`, { limit });
    this.#starting += 1;
    try {
      const identity: SweepIdentity = {
        name: `sweeps/${randomBytes(6).toString("hex")}`,
        ordinal: ++this.#started,
        createTimeMs: Date.now(),
      };
      const sweep = new Sweep(identity, { definition, invalid }, this.#parts);
      const answer = answerOf(sweep);
      await this.registry.store
        .commit({ putSweeps: [sweep.row()], putAnswers: answer === undefined ? [] : [answer] })
        .catch((error) => {
          throw toGrokboxError(error);
        });
      this.#sweeps.set(sweep.name, sweep);
      sweep.begin();
      return sweep;
    } finally {
      this.#starting -= 1;
    }
  }

  get(name: string): Sweep {
    const sweep = this.#sweeps.get(name);
    if (sweep !== undefined) return sweep;
    throw new GrokboxError("SWEEP_NOT_FOUND", `${name} does not exist`, { sweep: name });
  }

  /** Newest first, those older than the one with ordinal `before`. */
  *list(before: number): Generator<Sweep> {
    for (const sweep of [...this.#sweeps.values()].reverse()) {
      if (sweep.identity.ordinal < before) yield sweep;
    }
  }

  async delete(name: string, answerOf?: AnswerOf): Promise<void> {
    const sweep = this.get(name);
    this.#forgetDeleted();
    try {
      await sweep.delete(answerOf);
    } catch (error) {
      if (sweep.state !== "deleted") throw error;
      // That it is deleted is durable; on a full disk its rows are tried again later, or at the next start.
      this.#tolerate(error);
      this.#undeleted.add(sweep);
    }
    this.#sweeps.delete(name);
  }

  /** What is deleted here, and could not be removed from the store, is tried again. */
  #forgetDeleted(): void {
    for (const sweep of this.#undeleted) {
      this.#undeleted.delete(sweep);
      sweep.forget().catch(() => this.#undeleted.add(sweep));
    }
  }

  /** Lets no sweep begin a run; before the registry is shut down. */
  stop(): void {
    for (const sweep of this.#sweeps.values()) sweep.halt();
  }

  /** Waits for all work to end; after the registry was shut down, before it is closed. */
  async shutDown(): Promise<void> {
    await Promise.all([...this.#sweeps.values()].map((sweep) => sweep.shutDown()));
    await this.analyst.close();
  }
}
