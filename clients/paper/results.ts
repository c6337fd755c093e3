import type { Measurements } from "./measurements.ts";
import type { Published } from "./published.ts";
import { describe, isWithin } from "./tolerance.ts";

/** A published number beside the measured one: a line of `results.json`. */
export interface Result {
  readonly id: string;
  /** Heading that the number is published under. */
  readonly section: string;
  /** The run that it is of, or what else. */
  readonly of: string;
  readonly where: string;
  readonly measure: string;
  /** Null when it was not measured: nothing can have it here, or the run did not come to its step. */
  readonly measured: number | null;
  /** Null when no published number applies: another p, another seed. */
  readonly expected: number | null;
  /** The same as it is printed. */
  readonly printed: string | null;
  readonly tolerance: string;
  /** Why this tolerance, where none is published. */
  readonly because: string | null;
  /** Null when there is nothing to hold to. */
  readonly pass: boolean | null;
}

/** Which of the published numbers apply. */
export interface Applicability {
  /** The runs are the published ones: p, seed. */
  readonly published: boolean;
  /** Updates made, a run. */
  readonly steps: Readonly<Record<string, number | undefined>>;
  /** Runs that were left out. */
  readonly skipped: readonly string[];
}

export interface Tally {
  readonly total: number;
  readonly passed: number;
  readonly failed: number;
}

/** All of the catalogue, each with what was measured. A number that applies, is held to and was not measured has failed. */
export function results(
  catalogue: readonly Published[],
  measurements: Measurements,
  applicability: Applicability,
): Result[] {
  return catalogue.map((published) => {
    const { id, section, of, where, measure, value, tolerance, because } = published;
    const measured = measurements.get(id);
    const applies = value !== "" && (published.scope === "always" || applicability.published);
    const reached = wasReached(published, applicability);
    return {
      id,
      section,
      of,
      where,
      measure,
      measured: measured ?? null,
      expected: applies ? Number(value) : null,
      printed: applies ? value : null,
      tolerance: applies ? describe(tolerance) : "",
      because: applies ? (because ?? null) : null,
      pass: applies && reached ? (isWithin(measured ?? Number.NaN, value, tolerance) ?? null) : null,
    };
  });
}

/** What needs no training is always there. A run that stopped before a number's step, or was left out, can't miss it. */
function wasReached({ of, step = 0 }: Published, { steps, skipped }: Applicability): boolean {
  const made = steps[of];
  return made === undefined ? !skipped.includes(of) : made >= step;
}

export function tally(all: readonly Result[]): Tally {
  return {
    total: all.length,
    passed: all.filter(({ pass }) => pass === true).length,
    failed: all.filter(({ pass }) => pass === false).length,
  };
}
