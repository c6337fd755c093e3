import { expect, test } from "vitest";
import { unorderedPairCount, unorderedPairIndex } from "./unordered-pairs.ts";

test.each([3, 23, 199])("indices count the pairs x <= y lexicographically, p = %i", (modulus) => {
  let row = 0;
  for (let x = 0; x < modulus; x++) {
    for (let y = x; y < modulus; y++) {
      expect([unorderedPairIndex(x, y, modulus), unorderedPairIndex(y, x, modulus)]).toEqual([row, row]);
      row++;
    }
  }
  expect(unorderedPairCount(modulus)).toBe(row);
});
