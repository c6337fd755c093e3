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

/**
 * A message costs the server and its subscriber some 0.1 ms together, most of it a batch, not a point. So that a crowd does not take
 * the cores from the training that it watches, 100 subscribers are told of new points every 250 ms, a few at once.
 */
const roundMsASubscriber = 2.5;
const longestRoundMs = 250;

const stages: readonly (Stage | undefined)[] = [undefined, "memorization", "generalization", "cleanup"];
const columns = measures.length + 2; // step, stage
const firstRows = 64;

/**
 * The newest `capacity` points of a session, in columns: 112 bytes a point, grown as needed. Subscribers are cursors into it: one
 * that doesn't read costs nothing and holds nothing up.
 */
export class ProgressLog {
  readonly #capacity: number;
  #rows: Float64Array | undefined;
  #oldest: number;
  #newest: number;
  #latest: ProgressPoint | undefined;
  #waiting = new Set<() => void>();
  #round: NodeJS.Timeout | undefined;
  #lastRoundMs = 0;
  /** The points last asked for: whoever is woken by a new point reads the same ones. */
  #lastRead: readonly ProgressPoint[] | undefined;
  /** Of those who follow the log now. */
  readonly cursors = new Set<Cursor>();

  /** @param stored - what is known of a log whose points are in a store; they must be loaded before they are read */
  constructor(
    capacity: number,
    stored?: { readonly oldest: number; readonly newest: number; readonly latest: ProgressPoint | null },
  ) {
    this.#capacity = capacity;
    this.#newest = stored?.newest ?? 0;
    this.#oldest = stored?.oldest ? Math.max(stored.oldest, this.#newest - capacity + 1) : 0;
    this.#latest = stored?.latest ?? undefined;
    if (stored === undefined) this.#rows = new Float64Array(Math.min(firstRows, capacity) * columns);
  }

  /** The points are here, not only in the store. */
  get isLoaded(): boolean {
    return this.#rows !== undefined;
  }

  /** Takes in the points that were stored, in order; those that are not retained are passed over. */
  load(stored: readonly { readonly firstSequence: number; readonly data: Uint8Array }[]): void {
    this.#rows = new Float64Array(Math.min(this.#capacity, Math.max(firstRows, this.#newest)) * columns);
    let expected = this.#oldest;
    for (const { firstSequence, data } of stored) {
      // Points that were lost, as from a store that was salvaged: only those after the hole are retained.
      if (firstSequence > expected) this.#oldest = firstSequence;
      expected = firstSequence + data.length / (columns * Float64Array.BYTES_PER_ELEMENT);
      const rows = new Float64Array(data.slice().buffer);
      for (let row = 0; row * columns < rows.length; row++) {
        const sequence = firstSequence + row;
        if (sequence < this.#oldest || sequence > this.#newest) continue;
        this.#makeRoom(sequence);
        this.#rows.set(rows.subarray(row * columns, (row + 1) * columns), this.#row(sequence));
      }
    }
    if (expected <= this.#newest) this.#oldest = 0;
  }

  /** Forgets the points, which must be in the store. */
  unload(): void {
    this.#rows = undefined;
    this.#lastRead = undefined;
  }

  /** `count` points from `first` on, as they are to be stored: 14 float64 a point. */
  bytes(first: number, count: number): Uint8Array {
    const rows = this.#loaded;
    const all = new Float64Array(count * columns);
    for (let i = 0; i < count; i++) {
      const row = this.#row(first + i);
      all.set(rows.subarray(row, row + columns), i * columns);
    }
    return new Uint8Array(all.buffer);
  }

  /** Forgets all points after `newest`. */
  truncate(newest: number): void {
    this.#newest = newest;
    this.#lastRead = undefined;
    if (newest < this.#oldest) this.#oldest = 0;
    this.#latest = this.#oldest === 0 ? undefined : this.#read(newest);
    this.wake();
  }

  /** Sequence of the newest point, 0 when there is none. */
  get newest(): number {
    return this.#newest;
  }

  /** Sequence of the oldest retained point, 0 when there is none. */
  get oldest(): number {
    return this.#oldest;
  }

  append(point: Omit<ProgressPoint, "sequence">): ProgressPoint {
    const rows = this.#makeRoom(this.#newest + 1);
    this.#newest += 1;
    if (this.#oldest === 0) this.#oldest = this.#newest;
    this.#oldest = Math.max(this.#oldest, this.#newest - this.#capacity + 1);
    const row = this.#row(this.#newest);
    rows[row] = point.step;
    rows[row + 1] = stages.indexOf(point.stage);
    for (const [i, measure] of measures.entries()) rows[row + 2 + i] = point[measure] ?? Number.NaN;
    this.#latest = { ...point, sequence: this.#newest };
    this.#wakeInRounds();
    return this.#latest;
  }

  /**
   * Up to `limit` points from `sequence` on, or from the oldest retained one when that is gone. Subscribers that have got equally far
   * are given one and the same array.
   */
  read(sequence: number, limit: number): readonly ProgressPoint[] {
    const first = Math.max(sequence, this.oldest);
    const count = Math.min(limit, this.#newest - first + 1);
    if (this.oldest === 0 || count <= 0) return [];
    if (this.#lastRead?.[0]?.sequence !== first || this.#lastRead.length !== count) {
      this.#lastRead = Array.from({ length: count }, (_, i) => this.#read(first + i));
    }
    return this.#lastRead;
  }

  get latest(): ProgressPoint | undefined {
    return this.#latest;
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
    clearTimeout(this.#round);
    this.#round = undefined;
    this.#lastRoundMs = performance.now();
    for (const woken of [...this.#waiting]) woken();
  }

  /** Wakes a few subscribers at once, and a crowd when its round has come, with all points since the last one. */
  #wakeInRounds(): void {
    const pauseMs = Math.min(longestRoundMs, roundMsASubscriber * this.#waiting.size);
    const dueMs = this.#lastRoundMs + pauseMs - performance.now();
    if (dueMs <= 0) this.wake();
    else this.#round ??= setTimeout(() => this.wake(), dueMs).unref();
  }

  get #loaded(): Float64Array {
    if (this.#rows === undefined) throw new Error("the progress log is not loaded");
    return this.#rows;
  }

  /** Grows the ring, up to its capacity, so that it has a row for `sequence`. */
  #makeRoom(sequence: number): Float64Array {
    const rows = this.#loaded;
    const needed = Math.min(sequence, this.#capacity) * columns;
    if (needed <= rows.length) return rows;
    const grown = new Float64Array(Math.min(Math.max(rows.length * 2, needed), this.#capacity * columns));
    grown.set(rows);
    this.#rows = grown;
    return grown;
  }

  #row(sequence: number): number {
    return ((sequence - 1) % this.#capacity) * columns;
  }

  #read(sequence: number): ProgressPoint {
    const rows = this.#loaded;
    const row = this.#row(sequence);
    const point: Record<string, unknown> = { sequence, step: rows[row] };
    for (const [i, measure] of measures.entries()) {
      const value = rows[row + 2 + i]!;
      if (!Number.isNaN(value)) point[measure] = value;
    }
    const stage = stages[rows[row + 1]!];
    if (stage !== undefined) point.stage = stage;
    return point as unknown as ProgressPoint;
  }
}
