import type { Coordinates, SweepInfo, SweepParameter, SweepRun } from "@grokbox/sdk";
import { snakeCase } from "./measures.ts";
import { count, measure, percent } from "./numbers.ts";
import type { Output } from "./output.ts";
import { type Column, table } from "./table.ts";

/** What is known of the runs that differ only in their seed. */
interface Group {
  readonly group: number;
  readonly coordinates: Coordinates;
  readonly memorized: number[];
  readonly grokked: number[];
  readonly trainLoss: number[];
  readonly testAccuracy: number[];
  readonly forecast: number[];
  done: number;
  /** Diverged, failed or invalid. */
  bad: number;
}

/** Finished runs as they come, for a table with a line a group. */
export class SweepGroups {
  readonly #groups = new Map<number, Group>();
  readonly #axes: readonly SweepParameter[];
  readonly #seeds: number;

  constructor({ definition, runs, groups }: SweepInfo) {
    this.#axes = definition?.axes.map(({ parameter }) => parameter) ?? [];
    this.#seeds = runs / groups;
  }

  /** Runs that were added. */
  get done(): number {
    return [...this.#groups.values()].reduce((sum, { done }) => sum + done, 0);
  }

  add(run: SweepRun): void {
    const { group, coordinates, memorizationEnd, grokkingStep, final, forecastRight, outcome } = run;
    const found: Group = this.#groups.get(group) ?? {
      ...{ group, coordinates, memorized: [], grokked: [], trainLoss: [], testAccuracy: [], forecast: [] },
      ...{ done: 0, bad: 0 },
    };
    this.#groups.set(group, found);
    found.done += 1;
    if (outcome !== "target" && outcome !== "condition") found.bad += 1;
    if (memorizationEnd !== undefined) found.memorized.push(memorizationEnd);
    if (grokkingStep !== undefined) found.grokked.push(grokkingStep);
    if (final !== undefined) found.trainLoss.push(final.trainLoss);
    if (final?.testAccuracy !== undefined) found.testAccuracy.push(final.testAccuracy);
    if (forecastRight !== undefined) found.forecast.push(forecastRight);
  }

  /** At most so many groups, the last ones that there are. Of measures, medians over seeds. */
  lines(output: Pick<Output, "width" | "style">, most: number): string[] {
    const all = [...this.#groups.values()].sort((a, b) => a.group - b.group);
    if (all.length === 0) return [];
    const shown = all.slice(-most);
    const left = all.length - shown.length;
    return [
      ...(left > 0 ? [`… ${count(left)} groups before`] : []),
      ...table(shown, this.#columns(), output),
    ];
  }

  #columns(): readonly Column<Group>[] {
    const of = (done: number, all: number) => `${count(done)}/${count(all)}`;
    return [
      { title: "GROUP", value: ({ group }) => String(group), align: "right", expendable: 7 },
      ...this.#axes.map(
        (parameter): Column<Group> => ({
          title: snakeCase(parameter).toUpperCase(),
          value: ({ coordinates }) => String(coordinates[parameter] ?? ""),
          align: "right",
        }),
      ),
      { title: "RUNS", value: ({ done }) => of(done, this.#seeds), align: "right" },
      {
        title: "BAD",
        value: ({ bad }) => (bad === 0 ? "" : count(bad)),
        align: "right",
        format: () => "red",
      },
      { title: "GROKKED", value: ({ grokked, done }) => of(grokked.length, done), align: "right" },
      { title: "AT STEP", value: ({ grokked }) => count(median(grokked)), align: "right", expendable: 1 },
      {
        title: "MEMORIZED AT",
        value: ({ memorized }) => count(median(memorized)),
        align: "right",
        expendable: 3,
      },
      { title: "LOSS", value: ({ trainLoss }) => measure(median(trainLoss)), align: "right", expendable: 4 },
      {
        title: "TEST",
        value: ({ testAccuracy }) => percent(median(testAccuracy)),
        align: "right",
        expendable: 2,
      },
      {
        title: "FORECAST",
        value: ({ forecast }) => percent(median(forecast)),
        align: "right",
        expendable: 5,
      },
    ];
  }
}

function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1 || sorted.length === 0) return sorted[middle];
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}
