import type { SessionInfo } from "@grokbox/sdk";

/** What a session is, in a few words for a figure's heading; a task only where it is not addition. */
export function describe({ spec, preset, name }: SessionInfo): string {
  const { modulus, width, activation, task, seed } = spec;
  return `${preset === "" ? name : preset}${task === "add" ? "" : `, ${task}`}, p = ${modulus}, M = ${width}, ${activation}, seed ${seed}`;
}
