import fc from "fast-check";
import { expect, test } from "vitest";
import { labels, tasks } from "./task.ts";
import { moduli } from "./testing/networks.ts";

test("the tables of Z_3, pairs in lexicographic order", () => {
  expect([...labels("add", 3)]).toEqual([0, 1, 2, 1, 2, 0, 2, 0, 1]);
  expect([...labels("subtract", 3)]).toEqual([0, 2, 1, 1, 0, 2, 2, 1, 0]);
  expect([...labels("x^2+xy+y^2", 3)]).toEqual([0, 1, 1, 1, 0, 1, 1, 1, 0]);
});

test("adding y to x - y gives x back, and labels are residues up to p = 199", () => {
  fc.assert(
    fc.property(fc.oneof(moduli, fc.constant(199)), (modulus) => {
      const sums = labels("add", modulus);
      labels("subtract", modulus).forEach((difference, pair) => {
        expect(sums[difference * modulus + (pair % modulus)]).toBe(Math.floor(pair / modulus));
      });
      for (const task of tasks) expect(Math.max(...labels(task, modulus))).toBeLessThan(modulus);
    }),
    { numRuns: 20 },
  );
});

test("only subtract tells (x, y) from (y, x)", () => {
  const modulus = 7;
  for (const task of tasks) {
    const table = labels(task, modulus);
    const swapped = table.map((_, pair) => table[(pair % modulus) * modulus + Math.floor(pair / modulus)]);
    expect(table.every((label, pair) => label === swapped[pair])).toBe(task !== "subtract");
  }
});
