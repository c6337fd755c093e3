import { GrokboxError } from "../errors.ts";

/** What a sweep does; the words of `grokbox.v1.SweepState`. */
export type SweepState = "running" | "paused" | "finished" | "cancelled" | "deleted";

export type SweepTransition = "pause" | "resume" | "cancel" | "finish" | "delete";

/** Every transition there is; one to the state itself does nothing. What is not listed is refused. */
export const sweepTransitions: Readonly<Record<SweepState, Partial<Record<SweepTransition, SweepState>>>> = {
  running: {
    pause: "paused",
    resume: "running",
    cancel: "cancelled",
    finish: "finished",
    delete: "deleted",
  },
  paused: { pause: "paused", resume: "running", cancel: "cancelled", delete: "deleted" },
  finished: { delete: "deleted" },
  cancelled: { cancel: "cancelled", delete: "deleted" },
  deleted: { delete: "deleted" },
};

/** The state after `transition`, or a SWEEP_STATE error that lists the states which would allow it. */
export function nextState(state: SweepState, transition: SweepTransition, sweep: string): SweepState {
  const after = sweepTransitions[state][transition];
  if (after !== undefined) return after;
  const allowed = (Object.keys(sweepTransitions) as SweepState[]).filter(
    (from) => sweepTransitions[from][transition],
  );
  throw new GrokboxError(
    "SWEEP_STATE",
    `${sweep} is ${state}; ${transition} needs it to be ${allowed.join(" or ")}`,
    { sweep, state, allowed_states: allowed.join(",") },
  );
}
