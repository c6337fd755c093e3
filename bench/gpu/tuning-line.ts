import type { Kept, Told, Tried } from "./search.ts";

/** What a search tells, for people; with a star what it keeps after a list. */
export function tuningLine({ p, width, members, tried, kept, outcome }: Told): string {
  const subject = `p ${p}, M ${width}, ${members}:`;
  if (tried !== undefined) return `  ${subject} ${triedWords(tried)}`;
  if (kept !== undefined) return `* ${subject} ${keptWords(kept)}`;
  const { best, default: usual } = outcome!;
  return `  ${subject} best: ${speedOf(best)} ${JSON.stringify(best.tuning)}, default: ${speedOf(usual)}`;
}

function triedWords(tried: Tried): string {
  const times = Object.entries(tried.kernels).map(([name, us]) => `, ${name} ${us.toFixed(1)} us`);
  const again = tried.isAgain ? " again" : "";
  return `${speedOf(tried)}${again} ${JSON.stringify(tried.tuning)}${times.join("")}`;
}

function keptWords({ tuning, kernels = ["a pass"], microseconds, hasFailed }: Kept): string {
  const time = microseconds === undefined ? "" : `, ${kernels.join(" + ")} ${microseconds.toFixed(1)} us`;
  return `${hasFailed ? "none ran, " : ""}kept ${JSON.stringify(tuning)}${time}`;
}

function speedOf({ stepsPerSecond, failure, hasOtherBits }: Tried): string {
  if (stepsPerSecond === undefined) return `did not run (${failure})`;
  return `${stepsPerSecond.toFixed(0)} steps/s${hasOtherBits ? ", OTHER BITS" : ""}`;
}
