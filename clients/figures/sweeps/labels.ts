import type { Coordinates, SweepInfo } from "@grokbox/sdk";

/** As the API calls them: weight_decay. */
export function parameterLabel(parameter: string): string {
  return parameter.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** weight_decay 2, learning_rate 0.001; of a list, its number. */
export function groupLabel(group: number, coordinates: Coordinates): string {
  const parts = Object.entries(coordinates).map(([name, value]) => `${parameterLabel(name)} ${value}`);
  return parts.length === 0 ? `group ${group}` : parts.join(", ");
}

/** What a sweep is, in a few words for a figure's heading. */
export function describeSweep({ title, name, done, runs, groups }: SweepInfo): string {
  const seeds = runs / groups;
  const each = `${groups === 1 ? "" : `${groups} settings, `}${seeds} ${seeds === 1 ? "seed" : "seeds each"}`;
  return `${title === "" ? name : title}: ${each}, ${done} of ${runs} runs finished`;
}
