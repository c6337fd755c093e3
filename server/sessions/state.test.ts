import fc from "fast-check";
import { expect, test } from "vitest";
import { GrokboxError } from "./errors.ts";
import { next, type SessionState, type Transition, transitions } from "./state.ts";

const states = Object.keys(transitions) as SessionState[];
const all: Transition[] = ["step", "stepped", "run", "complete", "pause", "diverge", "swap", "delete"];

test("a transition either is in the table or is refused with the states that would allow it", () => {
  fc.assert(
    fc.property(fc.constantFrom(...states), fc.constantFrom(...all), (state, transition) => {
      const expected = transitions[state][transition];
      if (expected !== undefined) {
        expect(next(state, transition, "sessions/a")).toBe(expected);
        return;
      }
      const error = capture(() => next(state, transition, "sessions/a"));
      expect(error.reason).toBe("SESSION_STATE");
      const allowed = error.metadata.allowed_states!.split(",") as SessionState[];
      expect(allowed).toEqual(states.filter((other) => transitions[other][transition] !== undefined));
    }),
  );
});

test("every state but deleted can be deleted, and nothing leaves deleted", () => {
  for (const state of states)
    expect(transitions[state].delete).toBe(state === "deleted" ? undefined : "deleted");
  expect(transitions.deleted).toEqual({});
});

test("every state can be reached from idle", () => {
  const reached = new Set<SessionState>(["idle"]);
  for (let size = 0; size < reached.size; ) {
    size = reached.size;
    for (const state of [...reached]) for (const to of Object.values(transitions[state])) reached.add(to);
  }
  expect([...reached].sort()).toEqual([...states].sort());
});

function capture(work: () => unknown): GrokboxError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(GrokboxError);
    return error as GrokboxError;
  }
  throw new Error("nothing was thrown");
}
