import { duration } from "../../../cli/numbers.ts";

/** Beyond, nobody waits for the end: whoever asked for so many steps means to pause some time. */
const mostDays = 1_000;

/** What is left of a run, in words; undefined where it is not known, or so much that it tells nothing. */
export function timeLeft(seconds: number | undefined): string | undefined {
  return seconds === undefined || !(seconds <= mostDays * 86_400) ? undefined : duration(seconds);
}
