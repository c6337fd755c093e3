import { InvalidArgumentError } from "commander";

/** `sweeps/ID` of what a person types: that, or ID alone. */
export function sweepName(text: string): string {
  const [, id] = /^(?:sweeps\/)?([^\s/@]+)$/.exec(text) ?? [];
  if (id === undefined) throw new InvalidArgumentError("It must be ID or sweeps/ID.");
  return `sweeps/${id}`;
}

/** What a person types for a sweep. */
export function sweepIdOf(name: string): string {
  return name.replace(/^sweeps\//, "");
}
