import { expect } from "vitest";
import type { Trace } from "../engine.ts";

export function rowOf(trace: Trace, row: number): { [column in keyof Trace]: number } {
  return Object.fromEntries(Object.entries(trace).map(([name, values]) => [name, values[row]])) as never;
}

export function firstRow(trace: Trace): { [column in keyof Trace]: number } {
  return rowOf(trace, 0);
}

export function correctCounts(trace: Trace): number[] {
  return [trace.correctCommon, trace.correctRare, trace.correctPartner, trace.correctHeldOut].map(
    (column) => column[0],
  );
}

/** Equal within a relative tolerance; NaN equals NaN. */
export function expectClose(actual: number, expected: number, tolerance: number): void {
  if (Object.is(actual, expected)) return;
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(tolerance * Math.abs(expected));
}
