import { digitsOf, show } from "./number-text.ts";
import type { Whole } from "./whole.ts";

/** What a person reads at the end: what is outside its tolerance, how many are not, and where everything is. */
export function wholeText({ summary, results }: Whole): string {
  const { steps, seconds, figures, results: counts, report, resultsFile, skipped } = summary;
  const outside = results.filter(({ pass }) => pass === false);
  return [
    ...outside.map(
      ({ of, where, measure, measured, printed, tolerance }) =>
        `outside its tolerance: ${of}, ${where}, ${measure}: ${show(measured, digitsOf(printed ?? ""))}, published ${printed}, tolerance ${tolerance}`,
    ),
    `${counts.passed} of the ${counts.passed + counts.failed} compared numbers are within their tolerances; ${counts.total} are listed in ${resultsFile}`,
    ...skipped.map(({ run, reason }) => `${run} was skipped: ${reason}`),
    `${steps} steps in ${seconds.training.toFixed(1)} s, ${figures.length} figures, ${seconds.total.toFixed(1)} s in all`,
    report,
    "",
  ].join("\n");
}
