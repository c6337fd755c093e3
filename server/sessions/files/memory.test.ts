import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { arraysBytes, type Refusal } from "./testing/memory-probe.ts";

const probe = join(import.meta.dirname, "testing/memory-probe.ts");
const allowedBytes = 50e6;

test("hostile uploads of 300 MB, one after another in one process, take less than 50 MB beyond the arrays", () => {
  const refusals: Refusal[] = JSON.parse(execFileSync(process.execPath, [probe], { encoding: "utf8" }));
  const whole = refusals.pop()!;
  expect(refusals.length).toBeGreaterThan(10);
  for (const { name, message, acceptedBytes, growthBytes } of refusals) {
    expect(message, name).toMatch(/^file/);
    expect(acceptedBytes, name).toBeLessThan(10e6);
    expect(growthBytes, name).toBeLessThan(allowedBytes);
  }
  // Only this one is wrong at its end, so that its arrays were there, as reserved.
  expect(whole.message).toMatch(/^file: must end after the \d+ bytes of data of its header; it goes on$/);
  expect(whole.growthBytes).toBeLessThan(arraysBytes + allowedBytes);
});
