import type { ProgressPoint } from "./progress-point.ts";

/** Points that were missed because they left the retained history. */
export interface ProgressGap {
  readonly kind: "gap";
  readonly firstSequence: number;
  readonly lastSequence: number;
}

/** The session's log is another one than was watched so far; its sequences are not comparable with those seen. */
export interface ProgressReset {
  readonly kind: "reset";
  /** Of the log that follows, which begins with its oldest retained point. */
  readonly epoch: string;
}

export type ProgressEvent = ProgressPoint | ProgressGap | ProgressReset;
