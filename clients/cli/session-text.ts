import type { SessionInfo } from "@grokbox/sdk";
import { count } from "./numbers.ts";
import type { Format } from "./output.ts";
import { idOf } from "./session-name.ts";

export function stateFormat({ state }: Pick<SessionInfo, "state">): Format | undefined {
  switch (state) {
    case "running":
    case "stepping":
      return "green";
    case "paused":
      return "yellow";
    case "diverged":
      return "red";
    default:
      return undefined;
  }
}

/** running to step 20,000, at 12,300 */
export function progressText({ state, step, run }: SessionInfo): string {
  if (run?.untilStep !== undefined) return `${state}, at step ${count(step)} of ${count(run.untilStep)}`;
  return `${state} at step ${count(step)}`;
}

/** What a person who looks away leaves behind. */
export function goesOn(info: SessionInfo): string[] {
  const id = idOf(info.name);
  const until = info.run?.untilStep;
  return [
    `${info.name} goes on${until === undefined ? "" : ` to step ${count(until)}`}.`,
    `  grokbox watch ${id}   look on again`,
    `  grokbox pause ${id}   stop it`,
  ];
}

export function labelsText({ labels }: Pick<SessionInfo, "labels">): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}
