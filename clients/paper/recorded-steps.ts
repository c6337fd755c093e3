import type { RunName } from "./runs.ts";

/** Steps of which published tables, curves or figures show something, in any run. */
const publishedSteps: readonly number[] = [
  0, 200, 500, 600, 1000, 1400, 1500, 1800, 2000, 2200, 2500, 3000, 3500, 4000, 4500, 5000, 6000, 7000, 8000,
  9999, 10000, 20000, 49800, 49999,
];

/** Where the stages of the published grokking run end, 2104 and 9352: told to the step, or to a few where the norm is flat. */
const stageEnds = [
  { from: 2_000, to: 2_250, every: 1 },
  { from: 8_800, to: 9_900, every: 4 },
];

/**
 * Steps to record besides every hundredth: each published step s with its s + 1, as the checkpoint s is the state after s + 1 updates,
 * and of the grokking run those around the ends of its stages.
 *
 * @returns increasing, 1 to `end`
 */
export function recordedSteps(run: RunName, end: number): number[] {
  const around = run === "grokking" ? stageEnds : [];
  const steps = [
    ...publishedSteps.flatMap((step) => [step, step + 1]),
    ...around.flatMap(({ from, to, every }) =>
      Array.from({ length: Math.floor((to - from) / every) + 1 }, (_, i) => from + i * every),
    ),
  ];
  return [...new Set(steps)].filter((step) => step > 0 && step <= end).sort((a, b) => a - b);
}
