import { expect, test } from "vitest";
import { GrokboxError } from "../sessions/errors.ts";
import { Checks } from "./checks.ts";
import { parseLabel } from "./retention.ts";

function violations(check: (checks: Checks) => void) {
  const checks = new Checks();
  check(checks);
  try {
    checks.throwIfAny();
  } catch (error) {
    if (error instanceof GrokboxError) return error.violations;
    throw error;
  }
  return [];
}

test("the characters of a text are Unicode's, which may take two units each", () => {
  const checked = (text: string) =>
    violations((checks) => {
      checks.text("title", text);
      checks.labels("labels", { note: text });
      parseLabel(checks, "label", text);
    });
  expect(checked("😀".repeat(130))).toEqual([]);
  expect(checked("😀".repeat(255))).toEqual([]);
  const description = "must be at most 255 characters; got 256";
  expect(checked("😀".repeat(256))).toEqual([
    { field: "title", description },
    { field: 'labels["note"]', description },
    { field: "label", description },
  ]);
  expect(checked("a".repeat(256))).toHaveLength(3);
});

test("a long text is shown shortened, with no half of a character", () => {
  const shown = (text: string) => violations((checks) => checks.session("name", text))[0]!.description;
  expect(shown("😀".repeat(80))).toBe(`must be sessions/{id}; got "${"😀".repeat(80)}"`);
  expect(shown(`a${"😀".repeat(80)}`)).toBe(`must be sessions/{id}; got "a${"😀".repeat(78)}…"`);
});
