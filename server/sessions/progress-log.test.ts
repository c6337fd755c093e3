import fc from "fast-check";
import { expect, test } from "vitest";
import { measures, ProgressLog, type ProgressPoint } from "./progress-log.ts";

const value = fc.option(fc.double({ noNaN: true }), { nil: undefined });
const point: fc.Arbitrary<Omit<ProgressPoint, "sequence">> = fc
  .record({
    step: fc.nat(),
    stage: fc.constantFrom(undefined, "memorization" as const, "generalization" as const, "cleanup" as const),
    ...Object.fromEntries(measures.map((measure) => [measure, value])),
  })
  .map((record) => Object.fromEntries(Object.entries(record).filter(([, v]) => v !== undefined)) as never);

test("a log reads back the newest points, whatever its capacity, absent values staying absent", () => {
  fc.assert(
    fc.property(
      fc.array(point, { maxLength: 300 }),
      fc.integer({ min: 1, max: 100 }),
      fc.nat(320),
      (points, capacity, from) => {
        const log = new ProgressLog(capacity);
        const kept = points.map((each) => log.append(each)).slice(-capacity);
        expect(log.newest).toBe(points.length);
        expect(log.oldest).toBe(kept[0]?.sequence ?? 0);
        expect(log.read(from, 1_000)).toEqual(kept.filter(({ sequence }) => sequence >= from));
        expect(log.latest).toEqual(kept.at(-1));
      },
    ),
  );
});

test("waiting ends with a new point, with the time, or with the signal, and leaves no listener behind", async () => {
  const log = new ProgressLog(10);
  const controller = new AbortController();
  const waiting = log.changed(60_000, controller.signal);
  log.append({ step: 1, parameterNorm: 1, gradientNorm: 1 });
  expect(await waiting).toBe("changed");
  expect(await log.changed(1, controller.signal)).toBe("timeout");
  const aborted = log.changed(60_000, controller.signal);
  controller.abort();
  expect(await aborted).toBe("changed");
});
