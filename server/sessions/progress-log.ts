import type { Stage } from "../model/stages.ts";

/** The progress measures of one state. A value that the session can't have (no test set, an empty class) is absent. */
export interface ProgressPoint {
  /** From 1, without holes. */
  readonly sequence: number;
  readonly step: number;
  readonly trainLoss?: number;
  readonly testLoss?: number;
  readonly trainAccuracy?: number;
  readonly testAccuracy?: number;
  readonly common?: number;
  readonly rare?: number;
  readonly partner?: number;
  readonly heldOut?: number;
  readonly ipr?: number;
  readonly meanAbsSinMisalignment?: number;
  readonly parameterNorm: number;
  readonly gradientNorm: number;
  readonly stage?: Stage;
}

export type Measure = Exclude<keyof ProgressPoint, "sequence" | "step" | "stage">;

export const measures: readonly Measure[] = [
  "trainLoss",
  "testLoss",
  "trainAccuracy",
  "testAccuracy",
  "common",
  "rare",
  "partner",
  "heldOut",
  "ipr",
  "meanAbsSinMisalignment",
  "parameterNorm",
  "gradientNorm",
];

/** Where a subscriber has got to. */
export interface Cursor {
  /** The next sequence that it wants. */
  next: number;
}

const stages: readonly (Stage | undefined)[] = [undefined, "memorization", "generalization", "cleanup"];
const columns = measures.length + 2; // step, stage
const firstRows = 64;

/**
 * The newest `capacity` points of a session, in columns: 112 bytes a point, grown as needed. Subscribers are cursors into it: one
 * that doesn't read costs nothing and holds nothing up.
 */
export class ProgressLog {
  readonly #capacity: number;
  #rows: Float64Array;
  #newest = 0;
  #waiting = new Set<() => void>();
  /** Of those who follow the log now. */
  readonly cursors = new Set<Cursor>();

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#rows = new Float64Array(Math.min(firstRows, capacity) * columns);
  }

  /** Sequence of the newest point, 0 when there is none. */
  get newest(): number {
    return this.#newest;
  }

  /** Sequence of the oldest retained point, 0 when there is none. */
  get oldest(): number {
    return this.#newest === 0 ? 0 : Math.max(1, this.#newest - this.#capacity + 1);
  }

  append(point: Omit<ProgressPoint, "sequence">): ProgressPoint {
    if (this.#newest < this.#capacity && (this.#newest + 1) * columns > this.#rows.length) {
      const grown = new Float64Array(Math.min(this.#rows.length * 2, this.#capacity * columns));
      grown.set(this.#rows);
      this.#rows = grown;
    }
    this.#newest += 1;
    const row = this.#row(this.#newest);
    this.#rows[row] = point.step;
    this.#rows[row + 1] = stages.indexOf(point.stage);
    for (const [i, measure] of measures.entries()) this.#rows[row + 2 + i] = point[measure] ?? Number.NaN;
    this.wake();
    return { ...point, sequence: this.#newest };
  }

  /** Up to `limit` points from `sequence` on, or from the oldest retained one when that is gone. */
  read(sequence: number, limit: number): ProgressPoint[] {
    const first = Math.max(sequence, this.oldest);
    const count = Math.min(limit, this.#newest - first + 1);
    return first === 0 || count <= 0 ? [] : Array.from({ length: count }, (_, i) => this.#read(first + i));
  }

  get latest(): ProgressPoint | undefined {
    return this.#newest === 0 ? undefined : this.#read(this.#newest);
  }

  /** Resolves when something may have changed, after `timeoutMs`, or when `signal` aborts; says whether it was the time. */
  changed(timeoutMs: number, signal: AbortSignal): Promise<"changed" | "timeout"> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve("changed");
      const finish = (why: "changed" | "timeout") => {
        clearTimeout(timer);
        this.#waiting.delete(woken);
        signal.removeEventListener("abort", woken);
        resolve(why);
      };
      const woken = () => finish("changed");
      const timer = setTimeout(finish, timeoutMs, "timeout");
      this.#waiting.add(woken);
      signal.addEventListener("abort", woken);
    });
  }

  /** Lets every subscriber look again. */
  wake(): void {
    for (const woken of [...this.#waiting]) woken();
  }

  #row(sequence: number): number {
    return ((sequence - 1) % this.#capacity) * columns;
  }

  #read(sequence: number): ProgressPoint {
    const row = this.#row(sequence);
    const point: Record<string, unknown> = { sequence, step: this.#rows[row] };
    for (const [i, measure] of measures.entries()) {
      const value = this.#rows[row + 2 + i]!;
      if (!Number.isNaN(value)) point[measure] = value;
    }
    const stage = stages[this.#rows[row + 1]!];
    if (stage !== undefined) point.stage = stage;
    return point as unknown as ProgressPoint;
  }
}
