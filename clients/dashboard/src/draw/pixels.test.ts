import fc from "fast-check";
import { expect, test } from "vitest";
import { chosenRows } from "./pixels.ts";

test("as many rows as fit are chosen, evenly, from the first to the last", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 5_000 }), fc.integer({ min: 2, max: 900 }), (rows, pixels) => {
      const chosen = chosenRows(rows, pixels);
      expect(chosen.length).toBe(Math.min(rows, pixels));
      expect([chosen[0], chosen.at(-1)]).toEqual([0, rows - 1]);
      const gaps = chosen.slice(1).map((row, i) => row - chosen[i]!);
      expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThanOrEqual(1);
    }),
  );
});

test("a drawing of one row shows the first, and one of none shows nothing", () => {
  expect(chosenRows(9, 1)).toEqual([0]);
  expect(chosenRows(9, 0.5)).toEqual([]);
  expect(chosenRows(0, 100)).toEqual([]);
});
