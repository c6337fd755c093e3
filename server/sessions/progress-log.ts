import type { Stage } from "../model/stages.ts";
import { type ExtraMeasure, type ExtraValues, extraMeasures, isExtra } from "./extra-measures.ts";
import { defaultMeasures, type SchedulableMeasure } from "./measure-schedule.ts";
import { ProgressRing } from "./progress-ring.ts";
import { nextKept } from "./thinning.ts";

/**
 * The progress measures of one state. A value that the session can't have (no test set, an empty class) is absent, and one that a schedule
 * can name where it doesn't ask for it.
 */
export interface ProgressPoint extends ExtraValues {
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

/** Of every point, in the order of the stored columns; of two of them the schedule may say which points carry them. */
export const measures: readonly Exclude<Measure, ExtraMeasure>[] = [
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

/** Points one after another, each of as many float64. */
export interface StoredPoints {
  readonly firstSequence: number;
  readonly count: number;
  readonly data: Uint8Array;
}

/** Where a subscriber has got to. */
export interface Cursor {
  /** The next sequence that it wants. */
  next: number;
  /** It may want any of the points. */
  readonly wantsAll?: boolean;
}

/**
 * A message costs its subscriber some 50 us and a point 4 (bench/NOTES.md, "Watching"). So that a crowd on the same machine does not take
 * the cores from the training that it watches, 100 subscribers are told of new points once a second, a few at once.
 */
const roundMsASubscriber = 10;
const longestRoundMs = 1_000;

const schedulable: readonly SchedulableMeasure[] = [...defaultMeasures, ...extraMeasures];

const stages: readonly (Stage | undefined)[] = [undefined, "memorization", "generalization", "cleanup"];
const columns = measures.length + 2; // step, stage

/** Of a point in memory and on disk: of every one, and the extra measures of a log that has any. */
export const pointBytes = columns * Float64Array.BYTES_PER_ELEMENT;
export const extraBytes = extraMeasures.length * Float64Array.BYTES_PER_ELEMENT;

/**
 * The newest `capacity` points of a session: 112 bytes a point, and as much again once one has carried an extra measure, grown as
 * needed. Subscribers are cursors into it: one that doesn't read costs nothing and holds nothing up.
 */
export class ProgressLog {
  readonly #capacity: number;
  #rows: ProgressRing | undefined;
  /** From the first point on that carries any. */
  #extras: ProgressRing | undefined;
  #oldest: number;
  #newest: number;
  /** Once somebody has asked for it, or while it can't be read here. */
  #latest: ProgressPoint | undefined;
  readonly #waiting = new Set<() => void>();
  /** Of those, the ones that have a pace of their own. */
  readonly #paced = new Set<() => void>();
  #round: NodeJS.Timeout | undefined;
  #lastRoundMs = 0;
  /** The points last asked for: whoever is woken by a new point reads the same ones. */
  #lastRead: { readonly key: string; readonly points: readonly ProgressPoint[] } | undefined;
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
    if (stored === undefined) this.#rows = new ProgressRing(columns, capacity, 0);
  }

  /** A point that is here carries, or carried, an extra measure. */
  get hasExtras(): boolean {
    return this.#extras !== undefined;
  }

  /** Somebody is to read points that are recorded already: they must stay here. */
  get isWanted(): boolean {
    for (const { next, wantsAll } of this.cursors) if (wantsAll || next <= this.#newest) return true;
    return false;
  }

  /** The points are here, not only in the store. */
  get isLoaded(): boolean {
    return this.#rows !== undefined;
  }

  /** Takes in the points that were stored, in order; those that are not retained are passed over. */
  load(stored: readonly StoredPoints[]): void {
    this.#rows = new ProgressRing(columns, this.#capacity, this.#newest);
    this.#extras = undefined;
    let expected = this.#oldest;
    for (const { firstSequence, count, data } of stored) {
      // Points that were lost, as from a store that was salvaged: only those after the hole are retained.
      if (firstSequence > expected) this.#oldest = firstSequence;
      expected = firstSequence + count;
      const values = new Float64Array(data.slice().buffer);
      const width = values.length / count;
      for (let i = 0; i < count; i++) {
        const sequence = firstSequence + i;
        if (sequence < this.#oldest || sequence > this.#newest) continue;
        const row = values.subarray(i * width, (i + 1) * width);
        this.#rows.row(sequence).set(row.subarray(0, columns));
        // An earlier version had fewer of them, or none.
        this.#putExtras(sequence, row.subarray(columns, columns + extraMeasures.length));
      }
    }
    if (expected <= this.#newest) this.#oldest = 0;
  }

  /** Forgets the points, which must be in the store. */
  unload(): void {
    this.#latest = this.latest;
    this.#rows = undefined;
    this.#extras = undefined;
    this.#lastRead = undefined;
  }

  /** `count` points from `first` on, as they are to be stored: 14 float64 a point, and the extra measures where one carries any. */
  bytes(first: number, count: number): Uint8Array {
    const rows = this.#loaded;
    const extras = this.#carriesExtras(first, count) ? this.#extras : undefined;
    const width = columns + (extras === undefined ? 0 : extraMeasures.length);
    const all = new Float64Array(count * width);
    rows.copy(first, count, all, width);
    extras?.copy(first, count, all, width, columns);
    return new Uint8Array(all.buffer);
  }

  #carriesExtras(first: number, count: number): boolean {
    for (let i = 0; i < count; i++) {
      if (this.#extras?.row(first + i).some((value) => !Number.isNaN(value))) return true;
    }
    return false;
  }

  /** Forgets all points after `newest`. */
  truncate(newest: number): void {
    this.#newest = newest;
    this.#lastRead = undefined;
    if (newest < this.#oldest) this.#oldest = 0;
    this.#latest = undefined;
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

  append({ step, stage, ...point }: Omit<ProgressPoint, "sequence">): ProgressPoint {
    const values = measures.map((measure) => point[measure] ?? Number.NaN);
    this.put(step, stage, values, point);
    this.tell();
    return this.latest!;
  }

  /**
   * Appends a point, of which subscribers are not told before `tell`: a slice has many, and most are read by nobody.
   *
   * @param values - those of `measures`, in that order; NaN where one is absent
   */
  put(step: number, stage: Stage | undefined, values: readonly number[], extras?: ExtraValues): void {
    const rows = this.#loaded;
    this.#newest += 1;
    if (this.#oldest === 0) this.#oldest = this.#newest;
    this.#oldest = Math.max(this.#oldest, this.#newest - this.#capacity + 1);
    const start = rows.startOf(this.#newest);
    rows.values[start] = step;
    rows.values[start + 1] = stages.indexOf(stage);
    for (let i = 0; i < measures.length; i++) rows.values[start + 2 + i] = values[i]!;
    const carries = extras !== undefined && extraMeasures.some((measure) => extras[measure] !== undefined);
    if (carries || this.#extras !== undefined) {
      const row = extraMeasures.map((measure) => extras?.[measure] ?? Number.NaN);
      this.#putExtras(this.#newest, row);
    }
    this.#latest = undefined;
  }

  /**
   * Up to `limit` points from `sequence` on, or from the oldest retained one when that is gone: those that `stride` leaves (see
   * thinning.ts), and the last of all. What such a point doesn't carry of the measures that a schedule can name, it has from the last point
   * left out before it that does: else none would be left of a measure that few points carry. Subscribers that have got equally far are
   * given one and the same array.
   *
   * @param last - sequence of the last of all; left out: the newest
   */
  read(
    sequence: number,
    limit: number,
    { stride = 1, last = this.#newest }: { readonly stride?: number; readonly last?: number } = {},
  ): readonly ProgressPoint[] {
    const first = Math.max(sequence, this.oldest);
    const end = Math.min(last, this.#newest);
    if (this.oldest === 0 || first > end) return [];
    const key = `${first} ${end} ${stride} ${limit}`;
    if (this.#lastRead?.key !== key) {
      const points: ProgressPoint[] = [];
      for (let next = nextKept(first, stride); next < end && points.length < limit; next += stride) {
        points.push(this.#read(next, stride));
      }
      if (points.length < limit) points.push(this.#read(end, stride));
      this.#lastRead = { key, points };
    }
    return this.#lastRead.points;
  }

  /** Sequence of the first retained point at `step` or later; one more than the newest when there is none. */
  sequenceAt(step: number): number {
    if (this.#oldest === 0) return this.#newest + 1;
    const rows = this.#loaded;
    let low = this.#oldest;
    let high = this.#newest + 1;
    // Steps never fall from point to point.
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (rows.row(middle)[0]! < step) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  get latest(): ProgressPoint | undefined {
    if (this.isLoaded && this.#oldest > 0) this.#latest ??= this.#read(this.#newest);
    return this.#latest;
  }

  /**
   * Resolves when something may have changed, after `timeoutMs`, or when `signal` aborts; says whether it was the time.
   *
   * @param isPaced - a subscriber that does not ask again at once need not wait for the crowd's round
   */
  changed(timeoutMs: number, signal: AbortSignal, isPaced = false): Promise<"changed" | "timeout"> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve("changed");
      const finish = (why: "changed" | "timeout") => {
        clearTimeout(timer);
        this.#waiting.delete(woken);
        this.#paced.delete(woken);
        signal.removeEventListener("abort", woken);
        resolve(why);
      };
      const woken = () => finish("changed");
      const timer = setTimeout(finish, timeoutMs, "timeout");
      this.#waiting.add(woken);
      if (isPaced) this.#paced.add(woken);
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

  /** There are new points: wakes a few subscribers at once, and a crowd when its round has come, with all points since the last one. */
  tell(): void {
    for (const woken of [...this.#paced]) woken();
    const pauseMs = Math.min(longestRoundMs, roundMsASubscriber * this.#waiting.size);
    const dueMs = this.#lastRoundMs + pauseMs - performance.now();
    if (dueMs <= 0) this.wake();
    else this.#round ??= setTimeout(() => this.wake(), dueMs).unref();
  }

  get #loaded(): ProgressRing {
    if (this.#rows === undefined) throw new Error("the progress log is not loaded");
    return this.#rows;
  }

  /** A row that is used again forgets those that it had. */
  #putExtras(sequence: number, values: ArrayLike<number>): void {
    if (this.#extras === undefined && Array.prototype.every.call(values, Number.isNaN)) return;
    this.#extras ??= new ProgressRing(extraMeasures.length, this.#capacity, this.#newest);
    const row = this.#extras.row(sequence);
    row.fill(Number.NaN);
    row.set(values);
  }

  /** @param stride - with which points before it are left out */
  #read(sequence: number, stride = 1): ProgressPoint {
    const row = this.#loaded.row(sequence);
    const point: Record<string, unknown> = { sequence, step: row[0] };
    const take = (names: readonly Measure[], values: Float64Array) => {
      for (const [i, name] of names.entries()) if (!Number.isNaN(values[i]!)) point[name] = values[i];
    };
    take(measures, row.subarray(2));
    if (this.#extras !== undefined) take(extraMeasures, this.#extras.row(sequence));
    const before = Math.max(this.#oldest - 1, nextKept(sequence, stride) - stride);
    for (const name of this.#extras === undefined ? defaultMeasures : schedulable) {
      for (let left = sequence - 1; point[name] === undefined && left > before; left--) {
        const value = this.#value(name, left);
        if (!Number.isNaN(value)) point[name] = value;
      }
    }
    const stage = stages[row[1]!];
    if (stage !== undefined) point.stage = stage;
    return point as unknown as ProgressPoint;
  }

  #value(name: SchedulableMeasure, sequence: number): number {
    if (isExtra(name)) return this.#extras?.row(sequence)[extraMeasures.indexOf(name)] ?? Number.NaN;
    return this.#loaded.row(sequence)[2 + measures.indexOf(name)]!;
  }
}
