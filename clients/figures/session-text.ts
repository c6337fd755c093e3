import type { SessionInfo } from "@grokbox/sdk";

/** What a session is, in a few words for a figure's heading. */
export function describe({ spec, preset, name }: SessionInfo): string {
  const { modulus, width, activation, seed } = spec;
  return `${preset === "" ? name : preset}, p = ${modulus}, M = ${width}, ${activation}, seed ${seed}`;
}
