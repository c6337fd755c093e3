import { GrokboxError } from "./errors.ts";
import type { SnapshotInfo } from "./snapshot.ts";

/** What of a session's snapshots is known without their arrays. */
export class Snapshots {
  readonly #session: string;
  readonly #limit: number;
  readonly #byStep: Map<number, SnapshotInfo>;
  readonly #holders = new Set<{ readonly step: number; readonly released: Promise<void> }>();

  /** @param limit - snapshots a session may have */
  constructor(session: string, limit: number, infos: Iterable<SnapshotInfo> = []) {
    this.#session = session;
    this.#limit = limit;
    this.#byStep = new Map([...infos].map((info) => [info.step, info]));
  }

  get size(): number {
    return this.#byStep.size;
  }

  find(step: number): SnapshotInfo | undefined {
    return this.#byStep.get(step);
  }

  get(step: number): SnapshotInfo {
    const info = this.#byStep.get(step);
    if (info !== undefined) return info;
    const name = `${this.#session}/snapshots/${step}`;
    const kept = [...this.#byStep.keys()].sort((a, b) => a - b);
    const list = kept.length === 0 ? "none are kept" : `kept steps: ${kept.slice(0, 20).join(", ")}`;
    throw new GrokboxError("SNAPSHOT_NOT_FOUND", `${name} does not exist; ${list}`, { snapshot: name });
  }

  put(info: SnapshotInfo): void {
    this.#byStep.set(info.step, info);
  }

  /** What was there. */
  remove(step: number): SnapshotInfo | undefined {
    const info = this.#byStep.get(step);
    this.#byStep.delete(step);
    return info;
  }

  /** Lets a snapshot neither expire nor be deleted until the answer is called. */
  hold(step: number): () => void {
    const { promise: released, resolve } = Promise.withResolvers<void>();
    const holder = { step, released };
    this.#holders.add(holder);
    return () => {
      this.#holders.delete(holder);
      resolve();
    };
  }

  /** Resolves when one of those who hold on to a snapshot lets it go; undefined when nobody does. */
  released(step: number): Promise<void> | undefined {
    return this.#holders.values().find((holder) => holder.step === step)?.released;
  }

  /** The latest step first. */
  list(): SnapshotInfo[] {
    return [...this.#byStep.values()].sort((a, b) => b.step - a.step);
  }

  /** Fails with TOO_MANY_SNAPSHOTS when not all of these steps can be kept. */
  checkRoom(steps: readonly number[]): void {
    const more = steps.filter((step) => !this.#byStep.has(step)).length;
    if (this.#byStep.size + more <= this.#limit) return;
    throw new GrokboxError(
      "TOO_MANY_SNAPSHOTS",
      `${this.#session} keeps ${this.#byStep.size} snapshots; ${more} more would exceed the limit of ${this.#limit}`,
      { session: this.#session, limit: this.#limit },
    );
  }

  /** Scheduled snapshots that nobody holds on to, beyond the newest `retain`: their steps. */
  expired(retain: number): number[] {
    const held = new Set([...this.#holders].map(({ step }) => step));
    // By when they were made: after a return to an earlier step the new ones are those of fewer steps.
    return this.list()
      .filter(({ kind, pinned, step }) => kind === "scheduled" && !pinned && !held.has(step))
      .sort((a, b) => b.createTimeMs - a.createTimeMs)
      .slice(retain)
      .map(({ step }) => step);
  }
}
