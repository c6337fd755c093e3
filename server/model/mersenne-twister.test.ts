import fc from "fast-check";
import { expect, test } from "vitest";
import { MersenneTwister } from "./mersenne-twister.ts";

test("draws the authors' own first and ten-thousandth number for seed 5489", () => {
  const twister = MersenneTwister.fromSeed(5489);
  expect(twister.uint32()).toBe(3499211612);
  twister.skip(9998);
  expect(twister.uint32()).toBe(4123659995);
});

test("draws the authors' own numbers for the key 0x123, 0x234, 0x345, 0x456", () => {
  const twister = MersenneTwister.fromKey([0x123, 0x234, 0x345, 0x456]);
  expect([twister.uint32(), twister.uint32(), twister.uint32()]).toEqual([1067595299, 955945823, 477289528]);
});

test("skipping n draws is drawing n times", () => {
  const counts = fc.integer({ min: 0, max: 2000 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), counts, counts, (seed, before, skipped) => {
      const drawing = MersenneTwister.fromSeed(seed);
      const skipping = MersenneTwister.fromSeed(seed);
      for (let i = 0; i < before + skipped; i++) drawing.uint32();
      for (let i = 0; i < before; i++) skipping.uint32();
      skipping.skip(skipped);
      expect(skipping.uint32()).toBe(drawing.uint32());
    }),
  );
});
