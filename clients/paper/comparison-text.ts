import type { Comparison } from "./comparison.ts";
import type { Measured } from "./measure.ts";
import { digitsOf, show } from "./number-text.ts";
import { publishedSeed } from "./runs.ts";

/** What a person reads: what was run, its results beside the published ones, and whether they agree. */
export function comparisonText(result: Measured, comparisons: readonly Comparison[]): string {
  const { run, steps, seed, seconds, stepsPerSecond, device, engine } = result;
  const last = result.curve.at(-1);
  const outside = comparisons.filter(({ isWithin }) => isWithin === false).length;
  const held = comparisons.filter(({ isWithin }) => isWithin !== undefined).length;
  return [
    `${run}, seed ${seed}, ${steps} steps on ${engine} (${device})`,
    `${seconds.toFixed(2)} s, ${Math.round(stepsPerSecond)} steps/s`,
    "",
    ...table(comparisons),
    ...(comparisons.length > 0 ? [""] : []),
    `after step ${last?.step}: train loss ${show(last?.trainLoss)}, test loss ${show(last?.testLoss)}, train accuracy ${show(last?.trainAccuracy)}, test accuracy ${show(last?.testAccuracy)}`,
    verdict(seed, held, outside),
    "",
  ].join("\n");
}

function verdict(seed: number, held: number, outside: number): string {
  if (seed !== publishedSeed) return `Nothing was compared: the published runs have seed ${publishedSeed}.`;
  if (held === 0) return "Nothing was compared: no published value with a tolerance was reached.";
  if (outside === 0) return `All ${held} compared values are within their tolerances.`;
  return `${outside} of ${held} compared values are outside their tolerances.`;
}

const header = ["", "", "measured", "published", "tolerance", "within?"];

function table(comparisons: readonly Comparison[]): string[] {
  if (comparisons.length === 0) return [];
  const verdicts = new Map([
    [true, "yes"],
    [false, "NO"],
    [undefined, ""],
  ]);
  const rows = comparisons.map(({ where, measure, measured, published, tolerance, isWithin }) => [
    where,
    measure,
    show(measured, digitsOf(published)),
    published,
    tolerance,
    verdicts.get(isWithin) ?? "",
  ]);
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  return [header, ...rows].map((row) =>
    row
      .map((cell, i) => (i === 2 || i === 3 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
}
