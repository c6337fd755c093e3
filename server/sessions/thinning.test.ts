import fc from "fast-check";
import { expect, test } from "vitest";
import { strideFor } from "./thinning.ts";

const span = fc
  .tuple(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 0, max: 5_000 }))
  .map(([first, more]) => ({ first, last: first + more }));

function kept({ first, last }: { first: number; last: number }, stride: number): number[] {
  const sequences = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  return sequences.filter((sequence) => (sequence - 1) % stride === 0 || sequence === last);
}

test("no more points are kept than asked for, and half the stride would keep more", () => {
  fc.assert(
    fc.property(span, fc.integer({ min: 2, max: 300 }), (bounds, maxPoints) => {
      const stride = strideFor(bounds.first, bounds.last, maxPoints);
      expect(Number.isInteger(Math.log2(stride))).toBe(true);
      expect(kept(bounds, stride).length).toBeLessThanOrEqual(maxPoints);
      if (stride > 1) expect(kept(bounds, stride / 2).length).toBeGreaterThan(maxPoints);
    }),
  );
});

test("a stride never becomes less than what is held already", () => {
  fc.assert(
    fc.property(span, fc.integer({ min: 0, max: 6 }), ({ first, last }, power) => {
      expect(strideFor(first, last, 100, 2 ** power)).toBeGreaterThanOrEqual(2 ** power);
    }),
  );
});
