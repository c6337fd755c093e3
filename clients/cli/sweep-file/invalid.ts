import type { SweepInfo, SweepOptions } from "@grokbox/sdk";
import { count, plural } from "../numbers.ts";
import { inWordsOfFile } from "./refusal.ts";

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
