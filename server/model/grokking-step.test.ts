import fc from "fast-check";
import { expect, test } from "vitest";
import { GrokkingStep } from "./grokking-step.ts";

test("grokking is at the first recorded step from which test accuracy stays at 0.99", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(0.5, 0.98, 0.99, 1)), (accuracies) => {
      const watched = new GrokkingStep();
      for (const [i, accuracy] of accuracies.entries()) watched.observe(10 * i, accuracy);
      const plain = accuracies.findIndex((_, i) => accuracies.slice(i).every((accuracy) => accuracy >= 0.99));
      expect(watched.step).toBe(plain < 0 ? undefined : 10 * plain);
    }),
  );
});

test("without a test set nothing groks", () => {
  const watched = new GrokkingStep();
  watched.observe(0, undefined);
  expect(watched.step).toBeUndefined();
});
