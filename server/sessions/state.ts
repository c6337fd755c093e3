import { GrokboxError } from "./errors.ts";

/** What a session does. DESIGN §1; the words of `grokbox.v1.SessionState`. */
export type SessionState = "idle" | "stepping" | "running" | "paused" | "diverged" | "deleted";

export type Transition =
  | "step" // a Step call's turn has come
  | "stepped" // it ended, done or cancelled
  | "run" // a background run begins
  | "complete" // the run reached its target, a stop condition, or the server's shutdown
  | "pause" // the run was paused before its end
  | "diverge" // the next state's loss would be NaN or infinite
  | "swap" // another activation took over
  | "restore" // back to a snapshot
  | "delete";

/** Every transition there is. What is not listed is refused. */
const table: Readonly<Record<SessionState, Partial<Record<Transition, SessionState>>>> = {
  idle: { step: "stepping", run: "running", swap: "idle", restore: "idle", delete: "deleted" },
  stepping: { stepped: "idle", diverge: "diverged", swap: "stepping", delete: "deleted" },
  running: { complete: "idle", pause: "paused", diverge: "diverged", swap: "running", delete: "deleted" },
  paused: { step: "stepping", run: "running", swap: "paused", restore: "idle", delete: "deleted" },
  // The weights are good and the gradient is not: only another activation or an earlier state can go on from here.
  diverged: { swap: "idle", restore: "idle", delete: "deleted" },
  deleted: {},
};

/** The state after `transition`, or a SESSION_STATE error that lists the states which would allow it. */
export function next(state: SessionState, transition: Transition, session: string): SessionState {
  const after = table[state][transition];
  if (after !== undefined) return after;
  const allowed = (Object.keys(table) as SessionState[]).filter((from) => table[from][transition]);
  throw new GrokboxError(
    "SESSION_STATE",
    `${session} is ${state}; ${transition} needs it to be ${allowed.join(" or ")}`,
    { session, state, allowed_states: allowed.join(",") },
  );
}

export const transitions = table;
