import { PairClass, type Problem, type Trace } from "../engine.ts";

/** Values of a pass in what trace.wgsl sums up. */
export const traceValues = 12;

/** One row of a `Trace`, in the order of `traceColumns`. */
export type TraceRow = readonly number[];

export const traceColumns = [
  "trainLoss",
  "testLoss",
  "correctCommon",
  "correctRare",
  "correctPartner",
  "correctHeldOut",
  "gradientNorm",
  "parameterNorm",
] as const satisfies readonly (keyof Trace)[];

/** How many ordered pairs of a problem are trained and tested on. */
export interface EntryCounts {
  readonly train: number;
  readonly test: number;
}

export function countEntries({ classes }: Problem): EntryCounts {
  let train = 0;
  for (const pairClass of classes) if (pairClass < PairClass.partner) train++;
  return { train, test: classes.length - train };
}

/** A row of what trace.wgsl summed up. Losses are NaN when any logit is out of range, and of an empty set. */
export function traceRow(values: Float32Array, pass: number, counts: EntryCounts): TraceRow {
  const columns = new TraceColumns(counts, 1);
  columns.write(values, pass, 0);
  return columns.row(0);
}

/** The rows of one advance, of millions a second: column by column, and nothing made for each. */
export class TraceColumns {
  readonly #counts: EntryCounts;
  readonly #most: number;
  #columns: Float64Array<ArrayBuffer>[];
  #length = 0;

  /** @param most - rows that can come */
  constructor(counts: EntryCounts, most: number) {
    this.#counts = counts;
    this.#most = most;
    this.#columns = traceColumns.map(() => new Float64Array(Math.min(most, 512)));
  }

  get length(): number {
    return this.#length;
  }

  /** Appends a row of what trace.wgsl summed up, unless its losses aren't finite; says whether it has. */
  push(values: Float32Array, pass: number): boolean {
    const i = this.#length;
    if (i === this.#columns[0].length) this.#grow();
    this.write(values, pass, i);
    const [trainLoss, testLoss] = this.#columns;
    const { train, test } = this.#counts;
    // An empty set has no loss.
    const isUsable =
      (train === 0 || Number.isFinite(trainLoss[i])) && (test === 0 || Number.isFinite(testLoss[i]));
    if (isUsable) this.#length++;
    return isUsable;
  }

  write(values: Float32Array, pass: number, i: number): void {
    const v = pass * traceValues;
    const columns = this.#columns;
    const isWild = values[v + 6] > 0;
    columns[0][i] = isWild ? Number.NaN : values[v] / this.#counts.train;
    columns[1][i] = isWild ? Number.NaN : values[v + 1] / this.#counts.test;
    for (let c = 2; c < 6; c++) columns[c][i] = values[v + c];
    columns[6][i] = normOf(values[v + 8], values[v + 9], values[v + 10]);
    columns[7][i] = Math.sqrt(values[v + 11]);
  }

  row(i: number): TraceRow {
    return this.#columns.map((column) => column[i]);
  }

  /** All rows. Each column has a buffer of its own. */
  take(): Trace {
    const columns = this.#columns.map((column) =>
      this.#length === column.length ? column : column.slice(0, this.#length),
    );
    return Object.fromEntries(traceColumns.map((name, c) => [name, columns[c]])) as unknown as Trace;
  }

  #grow(): void {
    const size = Math.min(this.#most, 2 * this.#length);
    this.#columns = this.#columns.map((column) => {
      const larger = new Float64Array(size);
      larger.set(column);
      return larger;
    });
  }
}

export function columnsOf(rows: readonly TraceRow[]): Trace {
  const columns = traceColumns.map((name, i) => [name, Float64Array.from(rows, (row) => row[i])]);
  return Object.fromEntries(columns);
}

/** From sums of squares, of 2^-60 times and of 2^60 times the values: the first that has neither over- nor underflown. */
function normOf(squares: number, scaledDown: number, scaledUp: number): number {
  if (squares > 1e-25 && squares < 1e35) return Math.sqrt(squares);
  return squares < 1 ? Math.sqrt(scaledUp) * 2 ** -60 : Math.sqrt(scaledDown) * 2 ** 60;
}
