import { expect, test } from "vitest";
import { transitions } from "../../../../server/sessions/state.ts";
import { canPause, canTrain } from "./session-calls.ts";

const states = ["idle", "stepping", "running", "paused", "diverged"] as const;

test("what makes a session train or pause is offered where the server takes it, and nowhere else", () => {
  for (const state of states) {
    expect(canTrain({ state }), state).toBe(transitions[state].run !== undefined);
    expect(canTrain({ state }), state).toBe(transitions[state].step !== undefined);
    expect(canPause({ state }), state).toBe(transitions[state].pause !== undefined);
  }
});
