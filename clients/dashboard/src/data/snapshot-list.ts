import type { Session } from "@grokbox/sdk";
import { Changes } from "./changes.ts";
import { stepAt } from "./point-at.ts";

/** For so long a list is as good as new: snapshots come while the session trains. */
const freshMs = 2_000;

/** The steps of which a session keeps snapshots. */
export class SnapshotSteps extends Changes {
  readonly #session: () => Promise<Session>;
  #steps: readonly number[] | undefined;
  #readMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  constructor(session: () => Promise<Session>) {
    super();
    this.#session = session;
  }

  /** Increasing; undefined until they were read. */
  get steps(): readonly number[] | undefined {
    return this.#steps;
  }

  /** The newest at or before a step; undefined when there is none, or while they are not known. */
  at(step: number): number | undefined {
    return this.#steps === undefined ? undefined : stepAt(this.#steps, step);
  }

  /** Reads them, unless that was done just now. */
  refresh(): Promise<void> {
    if (performance.now() - this.#readMs < freshMs) return Promise.resolve();
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<void> {
    const steps: number[] = [];
    for await (const { step } of (await this.#session()).snapshots({ pageSize: 1_000 })) steps.push(step);
    this.#steps = steps.reverse();
    this.#readMs = performance.now();
    this.tell();
  }
}
