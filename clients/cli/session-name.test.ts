import { expect, test } from "vitest";
import { idOf, nameOf, sessionName, snapshotName, stateName } from "./session-name.ts";

test("a session is named in full or by its id", () => {
  for (const text of ["c1a0f7", "sessions/c1a0f7"]) expect(sessionName(text)).toBe("sessions/c1a0f7");
  expect(idOf("sessions/c1a0f7")).toBe("c1a0f7");
});

test("a snapshot is named in full, or by the session's id and the step", () => {
  for (const text of ["c1@5", "c1/snapshots/5", "sessions/c1@5", "sessions/c1/snapshots/5"]) {
    expect(snapshotName(text)).toBe("sessions/c1/snapshots/5");
  }
  for (const text of ["c1", "c1@", "c1@x", "@5"]) expect(() => snapshotName(text)).toThrow(/ID@STEP/);
});

test("a state is a session's present one, or one of its snapshots", () => {
  expect(stateName("c1")).toEqual({ session: "sessions/c1", step: undefined });
  expect(stateName("sessions/c1/snapshots/5")).toEqual({ session: "sessions/c1", step: 5 });
  for (const text of ["sessions/c1", "sessions/c1/snapshots/5"]) expect(nameOf(stateName(text))).toBe(text);
  expect(idOf("sessions/c1/snapshots/5")).toBe("c1@5");
  expect(() => stateName("c1@")).toThrow(/ID or ID@STEP/);
});

test("a snapshot in place of a session is told apart from nonsense", () => {
  expect(() => sessionName("sessions/c1/snapshots/5")).toThrow(/Give the session, c1; .*--at 5/);
  for (const text of ["", "a b", "users/c1", "sessions/"])
    expect(() => sessionName(text)).toThrow(/sessions\/ID/);
});
