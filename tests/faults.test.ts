import { expect, test } from "vitest";
import { killAgainAndAgain } from "./faults/kills.ts";

test("20 kills lose no acknowledged snapshot, damage nothing, and change no bit of what comes after", async () => {
  const report = await killAgainAndAgain(20, () => {});
  expect(report).toMatchObject({ kills: 20, lost: 0, corrupt: 0, resumedIdentical: true });
  expect(report.acked).toBeGreaterThan(0);
}, 400_000);
