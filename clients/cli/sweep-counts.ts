import type { SweepInfo } from "@grokbox/sdk";
import { count } from "./numbers.ts";

/** Share of all updates that are done, 0 to 1, as far as that is known; of the runs where it is not. */
export function shareDone({ done, runs, steps, stepsPerSecond, secondsLeft }: SweepInfo): number {
  const left = (secondsLeft ?? 0) * stepsPerSecond;
  return left > 0 ? steps / (steps + left) : done / Math.max(1, runs);
}

/** 60 reached the last step, 3 stopped early, 1 diverged */
export function outcomesText({ finished }: SweepInfo): string {
  const { target, condition, diverged, failed, invalid } = finished;
  const parts: readonly (readonly [number, string])[] = [
    [target, "reached the last step"],
    [condition, "stopped early"],
    [diverged, "diverged"],
    [failed, "failed"],
    [invalid, "invalid"],
  ];
  const shown = parts.filter(([number]) => number > 0).map(([number, what]) => `${count(number)} ${what}`);
  return shown.length === 0 ? "no run has finished" : shown.join(", ");
}
