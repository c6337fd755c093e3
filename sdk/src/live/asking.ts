import { type Backoff, sleep } from "../backoff.ts";
import { cancelled, GrokboxError } from "../error.ts";
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
    if (signal.aborted) break;
    await sleep(backoff.waitMs(++failures), signal);
  }
  throw cancelled(signal);
}
