import type { ProgressPoint } from "@grokbox/sdk";
import fc from "fast-check";
import { expect, test } from "vitest";
import { PointAtStep } from "./point-at-step.ts";

const every = 10;
const logOf = (length: number) =>
  Array.from({ length }, (_, i) => ({ sequence: i + 1, step: i * every }) as ProgressPoint);

/** As a series holds them: every so many, and the newest. */
const thinned = (log: readonly ProgressPoint[], stride: number) =>
  log.filter(({ sequence }, i) => (sequence - 1) % stride === 0 || i === log.length - 1);

function reader(log: () => readonly ProgressPoint[]) {
  return async (firstStep: number, lastStep: number) =>
    log().filter(({ step }) => step >= firstStep && step <= lastStep);
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a step is shown as it was recorded, however little of the log was held when it was first looked at", async () => {
  const lengths = fc
    .array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 8 })
    .map((all) => all.sort((a, b) => a - b));
  const looks = fc.record({ lengths, stride: fc.integer({ min: 1, max: 9 }), step: fc.nat(2_200) });
  await fc.assert(
    fc.asyncProperty(looks, async ({ lengths, stride, step }) => {
      const whole = logOf(lengths.at(-1)!);
      const pinned = new PointAtStep(reader(() => whole));
      for (const length of lengths) {
        pinned.look(step, "1", thinned(whole.slice(0, length), stride));
        expect(pinned.point!.step).toBeLessThanOrEqual(step);
        await settled();
      }
      expect(pinned.point).toBe(whole.findLast((point) => point.step <= step));
    }),
  );
});

test("a step that training comes to again after a restored snapshot is the new one", async () => {
  let log = logOf(51);
  const pinned = new PointAtStep(reader(() => log));
  pinned.look(300, "1", thinned(log, 4));
  await settled();
  expect(pinned.point).toBe(log[30]);
  log = logOf(11);
  pinned.look(300, "2", thinned(log, 4));
  expect(pinned.point!.step).toBe(100);
  log = logOf(41);
  pinned.look(300, "2", thinned(log, 4));
  await settled();
  expect(pinned.point).toBe(log[30]);
});
