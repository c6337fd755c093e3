import { GrokboxError } from "@grokbox/sdk";
import { expect, test } from "vitest";
import { Problems } from "./problems.ts";

test("what the server says of a field of the request is told by what a person filled in", () => {
  const problems = new Problems();
  const violations = [
    { field: "plan.until_step", description: "must be greater than the session's step 50; got 10" },
    { field: "plan.snapshot_at", description: "must be at most until_step 10; got 20" },
  ];
  const message = violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
  problems.show("Can't run", new GrokboxError(message, { code: "INVALID_ARGUMENT", violations }));
  const [{ why, violations: told } = {}] = problems.shown;
  expect(why).toMatch(/^“to step”: must be greater than the session's step 50; got 10; plan.snapshot_at: /);
  expect(told?.map(({ field }) => field)).toEqual(["“to step”", "plan.snapshot_at"]);
});
