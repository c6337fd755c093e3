import fc from "fast-check";
import { expect, it } from "vitest";
import { exponent } from "./statistics.ts";

it("finds the power with which something grows", () => {
  const size = fc.double({ min: 1, max: 1e4, noNaN: true });
  const power = fc.double({ min: -4, max: 4, noNaN: true });
  const factor = fc.double({ min: 1e-6, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(size, power, factor, (first, n, c) => {
      const x = [first, 2 * first, 5 * first, 9 * first];
      expect(
        exponent(
          x,
          x.map((value) => c * value ** n),
        ),
      ).toBeCloseTo(n, 6);
    }),
  );
});
