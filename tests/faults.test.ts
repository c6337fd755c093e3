import { expect, test } from "vitest";
import { killAgainAndAgain } from "./faults/kills.ts";

/** One in ten while the server starts. */
const kills = process.env.LONG_TESTS ? 40 : 2;

test(`${kills} kills lose no acknowledged snapshot, damage nothing, and change no bit of what comes after`, async () => {
  const report = await killAgainAndAgain(kills, () => {});
  expect(report).toMatchObject({ kills, lost: 0, corrupt: 0, resumedIdentical: true });
  expect(report.acked).toBeGreaterThan(0);
}, 400_000);
