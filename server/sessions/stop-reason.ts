import type { Reason } from "./errors.ts";

export type StopKind = "target" | "condition" | "paused" | "diverged" | "cancelled" | "shutdown" | "failed";

/** Why training stopped. */
export interface StopReason {
  readonly kind: StopKind;
  /** For people. */
  readonly detail: string;
  readonly step: number;
  /** Of the error that ended it, where one did. */
  readonly cause?: Reason;
}
