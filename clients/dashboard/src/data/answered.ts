import type { SessionInfo } from "@grokbox/sdk";
import { isTraining } from "./session-calls.ts";

/** Longer than what was sent before a call was answered is under way. */
const doubtMs = 1_500;

/**
 * What the answer to a call told of a session, against what comes on another connection, where something older may still be under way:
 * a session that was just paused would seem to run again, and whoever presses the button would pause it a second time.
 */
export class Answered {
  readonly #info: SessionInfo;
  readonly #untilMs: number;
  #withheld: SessionInfo | undefined;

  constructor(info: SessionInfo, nowMs: number) {
    this.#info = info;
    this.#untilMs = nowMs + doubtMs;
  }

  /** Whether what was told elsewhere may be from before the answer; it is kept until that can't be any more. */
  withholds(told: SessionInfo, nowMs: number): boolean {
    const isOlder = told.step <= this.#info.step && isTraining(told) !== isTraining(this.#info);
    const isDoubtful = isOlder && nowMs < this.#untilMs;
    this.#withheld = isDoubtful ? told : undefined;
    return isDoubtful;
  }

  /** What nothing newer has followed: it was no older one after all, or is out of date, and what comes next says so. */
  get withheld(): SessionInfo | undefined {
    return this.#withheld;
  }

  /** Milliseconds from now until nothing is doubtful. */
  remainsMs(nowMs: number): number {
    return Math.max(0, this.#untilMs - nowMs);
  }
}
