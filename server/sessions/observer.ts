import type { Urgency } from "./scheduler.ts";

/** Who wants to know what the domain does, for metrics. Nothing that it does may change anything. */
export interface Observer {
  /** Somebody had the device: how long they waited for it and how long they had it. */
  turn(engine: string, urgency: Urgency, waitedSeconds: number, seconds: number): void;
  /** Something was made durable, or could not be. */
  commit(result: "ok" | "failed", seconds: number): void;
  /** A trainer made steps. */
  steps(engine: string, steps: number, seconds: number): void;
  /** A session met the loss of a device; all that meet the same one are told the same `loss`. */
  deviceLost(engine: string, loss: Error): void;
}

export const unobserved: Observer = {
  turn: () => {},
  steps: () => {},
  commit: () => {},
  deviceLost: () => {},
};
