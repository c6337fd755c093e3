import type { SweepInfo, SweepRun } from "@grokbox/sdk";
import { parameterLabel } from "./labels.ts";

/** The times at which a run passes from stage to stage. */
export const stageKinds = [
  { kind: "memorization ends", key: "memorizationEnd" },
  { kind: "generalization ends", key: "generalizationEnd" },
  { kind: "grokked", key: "grokkingStep" },
] as const satisfies readonly { key: keyof SweepRun; kind: string }[];

export type StageKind = (typeof stageKinds)[number]["kind"];

/** What of a run the times are read from. */
export type StagedRun = Pick<SweepRun, "seed" | "group" | "coordinates" | (typeof stageKinds)[number]["key"]>;

/** One stage time of one run. */
export interface StageTime {
  readonly value: string;
  readonly kind: StageKind;
  readonly seed: number;
  /** At least 1: on a logarithmic axis there is no step 0. */
  readonly step: number;
}

/** The times of all runs that have one value of a parameter. */
export interface StageSpread {
  readonly value: string;
  readonly kind: StageKind;
  /** Runs that got there. */
  readonly runs: number;
  /** Runs that have the value, and could have. */
  readonly of: number;
  readonly lowerQuartile: number;
  readonly median: number;
  readonly upperQuartile: number;
}

/** Stage times against one parameter. */
export interface StagePanel {
  /** weight_decay; empty where nothing is swept. */
  readonly parameter: string;
  /** In the order of the axis. */
  readonly values: readonly string[];
  readonly times: readonly StageTime[];
  readonly spreads: readonly StageSpread[];
}

/** A panel for each swept parameter, with all runs in each; of a sweep without any, one for all specs. */
export function stagePanels(
  { definition, groups }: Pick<SweepInfo, "definition" | "groups">,
  runs: readonly StagedRun[],
): StagePanel[] {
  const axes = definition?.axes ?? [];
  if (axes.length > 0) {
    return axes.map(({ parameter, values }) =>
      panelled(parameterLabel(parameter), values.map(String), runs, ({ coordinates }) =>
        String(coordinates[parameter]),
      ),
    );
  }
  const labels = groups === 1 ? ["all runs"] : Array.from({ length: groups }, (_, i) => String(i));
  return [panelled(groups === 1 ? "" : "spec", labels, runs, ({ group }) => labels[group]!)];
}

function panelled(
  parameter: string,
  values: readonly string[],
  runs: readonly StagedRun[],
  labelOf: (run: StagedRun) => string,
): StagePanel {
  const byValue = Map.groupBy(runs, labelOf);
  const times = runs.flatMap((run) =>
    stageKinds.flatMap(({ kind, key }): StageTime[] => {
      const step = run[key];
      return step === undefined
        ? []
        : [{ value: labelOf(run), kind, seed: run.seed, step: Math.max(1, step) }];
    }),
  );
  const spreads = values.flatMap((value) => {
    const having = byValue.get(value) ?? [];
    return stageKinds.flatMap(({ kind, key }): StageSpread[] => {
      const steps = having.flatMap(({ [key]: step }) => (step === undefined ? [] : [Math.max(1, step)]));
      if (steps.length === 0) return [];
      const sorted = steps.sort((a, b) => a - b);
      const [lowerQuartile = 0, median = 0, upperQuartile = 0] = [0.25, 0.5, 0.75].map((share) =>
        quantile(sorted, share),
      );
      return [{ value, kind, runs: steps.length, of: having.length, lowerQuartile, median, upperQuartile }];
    });
  });
  return { parameter, values, times, spreads };
}

/** By linear interpolation, as the server's bands have it. */
function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)]!;
  return low + (at % 1) * (sorted[Math.ceil(at)]! - low);
}
