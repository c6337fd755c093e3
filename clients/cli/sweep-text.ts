import type { SweepInfo, SweepOptions } from "@grokbox/sdk";
import { count, duration, plural, short } from "./numbers.ts";
import type { Format, Style } from "./output.ts";
import { inWordsOfFile } from "./sweep-file/refusal.ts";
import { sweepIdOf } from "./sweep-name.ts";

export function sweepFormat({ state }: Pick<SweepInfo, "state">): Format | undefined {
  const formats: Partial<Record<SweepInfo["state"], Format>> = {
    running: "green",
    paused: "yellow",
    cancelled: "red",
  };
  return formats[state];
}

/** Share of all updates that are done, 0 to 1, as far as that is known; of the runs where it is not. */
export function shareDone({ done, runs, steps, stepsPerSecond, secondsLeft }: SweepInfo): number {
  const left = (secondsLeft ?? 0) * stepsPerSecond;
  return left > 0 ? steps / (steps + left) : done / Math.max(1, runs);
}

/** 3 of 64 runs  ━━━━────  8.2k steps/s  4 min 20 s left */
export function progressLine(info: SweepInfo, width: number, style: Style): string {
  const { done, runs, state, stepsPerSecond, secondsLeft, waitsFor } = info;
  const room = Math.max(8, Math.min(40, width - 70));
  const full = Math.round(shareDone(info) * room);
  const parts = [
    `${count(done)} of ${plural(runs, "run")}`,
    style("cyan", "━".repeat(full)) + style("dim", "─".repeat(room - full)),
    stepsPerSecond === 0 ? "" : `${short(stepsPerSecond)} steps/s`,
    secondsLeft === undefined ? "" : `${duration(secondsLeft)} left`,
    state === "running" ? "" : state,
    waitsFor === "" ? "" : `waits: ${waitsFor}`,
  ];
  return parts.filter((part) => part !== "").join("  ");
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

/** Which cells of a file can't run, and why; nothing when all can. */
export function invalidText(info: SweepInfo, options: SweepOptions): string[] {
  const { invalidGroups, invalidValues = [], groups, runs } = info;
  if (invalidGroups === 0) return [];
  const invalidRuns = (invalidGroups * runs) / groups;
  return [
    `${count(invalidRuns)} of ${plural(runs, "run")} can't begin and will end as invalid, because of`,
    ...inWordsOfFile(invalidValues, options).map(({ field, description }) => `  ${field} ${description}`),
    "The others run. --strict refuses such a file.",
  ];
}

/** What a person who looks away leaves behind. */
export function sweepGoesOn({ name }: SweepInfo): string[] {
  const id = sweepIdOf(name);
  return [
    `${name} goes on.`,
    `  grokbox sweep ${id}          look on again`,
    `  grokbox sweep-pause ${id}    stop it for now`,
    `  grokbox sweep-cancel ${id}   stop it for good`,
  ];
}
