import type { SweepInfo } from "@grokbox/sdk";
import { count, duration, plural, short } from "./numbers.ts";
import type { Format, Style } from "./output.ts";
import { shareDone } from "./sweep-counts.ts";
import { sweepIdOf } from "./sweep-name.ts";

export function sweepFormat({ state }: Pick<SweepInfo, "state">): Format | undefined {
  const formats: Partial<Record<SweepInfo["state"], Format>> = {
    running: "green",
    paused: "yellow",
    cancelled: "red",
  };
  return formats[state];
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
