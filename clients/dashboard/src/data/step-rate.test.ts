import fc from "fast-check";
import { expect, test } from "vitest";
import { StepRate } from "./step-rate.ts";

test("a steady rate is found, however unevenly it is heard of", () => {
  const gaps = fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 10, maxLength: 60 });
  fc.assert(
    fc.property(gaps, fc.integer({ min: 1, max: 20_000 }), (waits, rate) => {
      const found = new StepRate();
      let timeMs = 5_000;
      for (const wait of waits) {
        timeMs += wait;
        found.hear((rate * timeMs) / 1_000, timeMs);
      }
      if (found.perSecond !== undefined) expect(found.perSecond).toBeCloseTo(rate, 6);
      else expect(timeMs - 5_000 - waits[0]!).toBeLessThan(200);
    }),
  );
});

test("after a window, an earlier rate is forgotten", () => {
  const rate = new StepRate(1_000);
  for (let i = 0; i <= 20; i++) rate.hear(i * 1_000, i * 100);
  expect(rate.perSecond).toBe(10_000);
  for (let i = 1; i <= 11; i++) rate.hear(20_000 + i, 2_000 + i * 100);
  expect(rate.perSecond).toBeCloseTo(10);
});

test("nothing is said before there is something to say, and after a step back", () => {
  const rate = new StepRate();
  expect(rate.perSecond).toBeUndefined();
  rate.hear(100, 0);
  expect(rate.perSecond).toBeUndefined();
  rate.hear(300, 1_000);
  expect(rate.perSecond).toBe(200);
  rate.hear(50, 2_000);
  expect(rate.perSecond).toBeUndefined();
});
