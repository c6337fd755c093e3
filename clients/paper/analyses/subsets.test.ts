import { expect, test } from "vitest";
import { subsets } from "./subsets.ts";

test("subsets come in order, and as many as there are", () => {
  expect(subsets(4, 2)).toEqual([
    [1, 2],
    [1, 3],
    [1, 4],
    [2, 3],
    [2, 4],
    [3, 4],
  ]);
  expect([1, 2, 4, 8, 11].map((size) => subsets(11, size).length)).toEqual([11, 55, 330, 165, 1]);
  expect(subsets(3, 0)).toEqual([[]]);
  expect(subsets(2, 3)).toEqual([]);
});
