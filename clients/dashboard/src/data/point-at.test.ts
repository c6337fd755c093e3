import fc from "fast-check";
import { expect, test } from "vitest";
import { indexAt, stepAt } from "./point-at.ts";

const increasing = fc.uniqueArray(fc.nat(1_000)).map((steps) => steps.sort((a, b) => a - b));

test("the last one at or before is found, as a search from the end would", () => {
  fc.assert(
    fc.property(increasing, fc.nat(1_100), (steps, step) => {
      expect(
        indexAt(
          steps.map((each) => ({ step: each })),
          step,
        ),
      ).toBe(steps.findLastIndex((each) => each <= step));
      expect(stepAt(steps, step)).toBe(steps.findLast((each) => each <= step));
    }),
  );
});
