import fc from "fast-check";
import { expect, test } from "vitest";
import { drawSplit } from "./initial-state.ts";
import { classCounts, isTrained, PairClass, pairClasses } from "./pair-class.ts";
import { presets } from "./presets.ts";
import { moduli, trainMasks } from "./testing/networks.ts";

test("the published grokking run has 302 common, 94 rare, 94 partner and 39 held-out pairs", () => {
  expect(classCounts(pairClasses(drawSplit(presets.grokking.spec), 23))).toEqual([302, 94, 94, 39]);
});

test("classes partition the pairs: by training, by order, and never a lone (x, x)", () => {
  const splits = moduli.chain((modulus) => fc.tuple(fc.constant(modulus), trainMasks(modulus)));
  fc.assert(
    fc.property(splits, ([modulus, train]) => {
      const classes = pairClasses(train, modulus);
      for (let x = 0; x < modulus; x++) {
        for (let y = 0; y < modulus; y++) {
          const here = classes[x * modulus + y];
          const swapped = classes[y * modulus + x];
          expect(isTrained(here)).toBe(train[x * modulus + y] === 1);
          expect(swapped).toBe({ 0: 0, 1: 2, 2: 1, 3: 3 }[here]);
        }
      }
      const [common, rare, partner, heldOut] = classCounts(classes);
      expect(rare).toBe(partner);
      expect(common + rare + partner + heldOut).toBe(modulus * modulus);
    }),
  );
});

test("a training set of all pairs is all common", () => {
  expect(pairClasses(new Uint8Array(25).fill(1), 5)).toEqual(new Uint8Array(25).fill(PairClass.common));
});
