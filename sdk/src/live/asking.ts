import { type Backoff, sleep } from "../backoff.ts";
import { cancelled, GrokboxError } from "../error.ts";
import { join } from "../signals.ts";
import type { Answer, Link, Question } from "./link.ts";

/** What repeats a question whose connection broke: for as long as it takes, as a page that is left open expects. */
export interface Asking {
  readonly link: Link;
  readonly backoff: Backoff;
}

/**
 * The answers to a question that is asked again, from where it has got to, whenever the connection broke.
 *
 * @param question - makes it anew for every attempt
 * @param isLast - says of an answer that none will follow; else the end of one attempt is the beginning of the next
 */
export async function* answers(
  { link, backoff }: Asking,
  question: () => Question,
  isLast: (answer: Answer) => boolean,
  signal: AbortSignal,
): AsyncGenerator<Answer, void, undefined> {
  let failures = 0;
  const leave = link.enter();
  try {
    while (!signal.aborted) {
      try {
        for await (const answer of link.ask(question(), signal)) {
          if (answer.case !== "opened" && answer.case !== "end") failures = 0;
          yield answer;
          if (isLast(answer)) return;
        }
      } catch (error) {
        if (!(error instanceof GrokboxError) || error.code !== "UNAVAILABLE") throw error;
      }
      // Neither keeps whoever ends it waiting; asking again then fails with why.
      const ending = join(signal, link.closing);
      await sleep(backoff.waitMs(++failures), ending.signal).catch(() => {});
      ending.release();
    }
    throw cancelled(signal);
  } finally {
    leave();
  }
}
