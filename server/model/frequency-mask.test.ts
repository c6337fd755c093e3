import fc from "fast-check";
import { expect, test } from "vitest";
import { spectrum } from "./fourier.ts";
import { otherFrequencies, removeFrequencies } from "./frequency-mask.ts";

test("removed frequencies have no magnitude left, the others and the mean are as before", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }).map((k) => 2 * k + 1),
      fc.infiniteStream(fc.double({ min: -1, max: 1, noNaN: true })),
      fc.integer({ min: 1, max: 100 }),
      (modulus, values, pick) => {
        const rows = Float32Array.from({ length: 3 * modulus }, () => values.next().value!);
        const count = (modulus - 1) / 2;
        const removed = [1 + (pick % count), count];
        const before = spectrum(rows, modulus);
        const after = spectrum(removeFrequencies(rows, modulus, removed), modulus);
        for (let i = 0; i < after.magnitude.length; i++) {
          const gone = removed.includes((i % count) + 1);
          expect(after.magnitude[i]).toBeCloseTo(gone ? 0 : before.magnitude[i]!, 5);
        }
        for (const [m, mean] of before.mean.entries()) expect(after.mean[m]).toBeCloseTo(mean, 5);
      },
    ),
  );
});

test("keeping some frequencies is removing all others", () => {
  expect(otherFrequencies(11, [2, 5])).toEqual([1, 3, 4]);
});
