import type { Coordinates, SweepInfo, SweepParameter, SweepRun } from "@grokbox/sdk";

/** What is known of the runs that differ only in their seed. */
export interface SweepGroup {
  readonly group: number;
  readonly coordinates: Coordinates;
  readonly memorized: number[];
  readonly generalized: number[];
  readonly grokked: number[];
  readonly trainLoss: number[];
  readonly testAccuracy: number[];
  readonly forecast: number[];
  done: number;
  /** Diverged, failed or invalid. */
  bad: number;
}

/** Finished runs as they come, group by group: for a table with a line for each. */
export class SweepGroups {
  readonly #groups = new Map<number, SweepGroup>();
  /** Swept parameters, in their order. */
  readonly axes: readonly SweepParameter[];
  /** Runs of each group. */
  readonly seeds: number;

  constructor({ definition, runs, groups }: SweepInfo) {
    this.axes = definition?.axes.map(({ parameter }) => parameter) ?? [];
    this.seeds = runs / groups;
  }

  /** Runs that were added. */
  get done(): number {
    return [...this.#groups.values()].reduce((sum, { done }) => sum + done, 0);
  }

  /** Those of which a run has finished, in order. */
  get all(): SweepGroup[] {
    return [...this.#groups.values()].sort((a, b) => a.group - b.group);
  }

  get(group: number): SweepGroup | undefined {
    return this.#groups.get(group);
  }

  add(run: SweepRun): void {
    const {
      group,
      coordinates,
      memorizationEnd,
      generalizationEnd,
      grokkingStep,
      final,
      forecastRight,
      outcome,
    } = run;
    const found: SweepGroup = this.#groups.get(group) ?? {
      ...{ group, coordinates, done: 0, bad: 0 },
      ...{ memorized: [], generalized: [], grokked: [], trainLoss: [], testAccuracy: [], forecast: [] },
    };
    this.#groups.set(group, found);
    found.done += 1;
    if (outcome !== "target" && outcome !== "condition") found.bad += 1;
    if (memorizationEnd !== undefined) found.memorized.push(memorizationEnd);
    if (generalizationEnd !== undefined) found.generalized.push(generalizationEnd);
    if (grokkingStep !== undefined) found.grokked.push(grokkingStep);
    if (final !== undefined) found.trainLoss.push(final.trainLoss);
    if (final?.testAccuracy !== undefined) found.testAccuracy.push(final.testAccuracy);
    if (forecastRight !== undefined) found.forecast.push(forecastRight);
  }
}

/** Undefined of nothing. */
export function median(values: readonly number[]): number | undefined {
  return quantile(values, 0.5);
}

/** Of the values as they are, between two neighbours in proportion; undefined of nothing. */
export function quantile(values: readonly number[], share: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low === undefined || high === undefined ? undefined : low + (at % 1) * (high - low);
}
