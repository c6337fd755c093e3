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
export function traceRow(values: Float32Array, pass: number, { train, test }: EntryCounts): TraceRow {
  const v = values.subarray(pass * traceValues, (pass + 1) * traceValues);
  const isWild = v[6] > 0;
  return [
    isWild ? Number.NaN : v[0] / train,
    isWild ? Number.NaN : v[1] / test,
    ...[v[2], v[3], v[4], v[5]],
    normOf(v[8], v[9], v[10]),
    Math.sqrt(v[11]),
  ];
}

/** From sums of squares, of 2^-60 times and of 2^60 times the values: the first that has neither over- nor underflown. */
function normOf(squares: number, scaledDown: number, scaledUp: number): number {
  if (squares > 1e-25 && squares < 1e35) return Math.sqrt(squares);
  return squares < 1 ? Math.sqrt(scaledUp) * 2 ** -60 : Math.sqrt(scaledDown) * 2 ** 60;
}

/** Whether its losses are finite: an empty set has none. */
export function isUsable({ train, test }: EntryCounts, [trainLoss, testLoss]: TraceRow): boolean {
  return (train === 0 || Number.isFinite(trainLoss)) && (test === 0 || Number.isFinite(testLoss));
}

export function columnsOf(rows: readonly TraceRow[]): Trace {
  const columns = traceColumns.map((name, i) => [name, Float64Array.from(rows, (row) => row[i])]);
  return Object.fromEntries(columns);
}
