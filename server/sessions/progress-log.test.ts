import fc from "fast-check";
import { expect, test } from "vitest";
import { extraMeasures } from "./extra-measures.ts";
import { measures, ProgressLog, type ProgressPoint } from "./progress-log.ts";

const pointBytes = 8 * (measures.length + 2);
const value = fc.option(fc.double({ noNaN: true }), { nil: undefined });
const point: fc.Arbitrary<Omit<ProgressPoint, "sequence">> = fc
  .record({
    step: fc.nat(),
    stage: fc.constantFrom(undefined, "memorization" as const, "generalization" as const, "cleanup" as const),
    ...Object.fromEntries(measures.map((measure) => [measure, value])),
    extras: fc.option(fc.record(Object.fromEntries(extraMeasures.map((measure) => [measure, value])))),
  })
  .map(({ extras, ...record }) => ({ ...record, ...extras }))
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

test("stored in chunks and loaded again a log is the same, and chunks without extra measures take no room for them", () => {
  fc.assert(
    fc.property(
      fc.array(point, { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 250 }),
      (points, size, capacity) => {
        const log = new ProgressLog(1_000);
        for (const each of points) log.append(each);
        const chunks = [];
        for (let first = 1; first <= points.length; first += size) {
          const count = Math.min(size, points.length - first + 1);
          const data = log.bytes(first, count);
          const carry = log.read(first, count).some((each) => extraMeasures.some((name) => name in each));
          expect(data.length).toBe(count * (pointBytes + (carry ? 8 * extraMeasures.length : 0)));
          chunks.push({ firstSequence: first, count, data });
        }
        const { oldest, newest, latest = null } = log;
        const again = new ProgressLog(capacity, { oldest, newest, latest });
        again.load(chunks);
        expect(again.read(1, 1_000)).toEqual(log.read(Math.max(1, newest - capacity + 1), 1_000));
        again.append(points[0]!);
        expect(again.read(newest + 1, 1)).toEqual([{ ...points[0], sequence: newest + 1 }]);
      },
    ),
  );
});

test("what is stored of points is the same where they lie around the end of the ring", () => {
  fc.assert(
    fc.property(
      fc.array(point, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      (points, capacity) => {
        const [whole, ring] = [new ProgressLog(1_000), new ProgressLog(capacity)];
        for (const each of points) {
          whole.append(each);
          ring.append(each);
        }
        const count = ring.newest - ring.oldest + 1;
        expect(ring.bytes(ring.oldest, count)).toEqual(whole.bytes(ring.oldest, count));
      },
    ),
  );
});

test("rows of fewer extra measures and of more than are known read as far as they go", () => {
  const log = new ProgressLog(10, { oldest: 1, newest: 2, latest: null });
  const row = (extras: number[]) => Float64Array.of(7, 0, ...measures.map(() => 1), ...extras);
  const all = extraMeasures.map((_, i) => i);
  const chunk = (firstSequence: number, extras: number[]) => ({
    firstSequence,
    count: 1,
    data: new Uint8Array(row(extras).buffer),
  });
  log.load([chunk(1, [0.5]), chunk(2, [...all, 99])]);
  const [fewer, more] = log.read(1, 2);
  expect(fewer).toMatchObject({ step: 7, iprTheta: 0.5 });
  expect(Object.keys(fewer!).filter((name) => name in more!)).toHaveLength(measures.length + 3);
  expect(extraMeasures.map((name) => more![name])).toEqual(all);
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

test("of a crowd, those that have a pace of their own are told of a point at once, and the others in their round", async () => {
  const log = new ProgressLog(10);
  const { signal } = new AbortController();
  const point = { step: 1, parameterNorm: 1, gradientNorm: 1 };
  log.append(point);
  let told = 0;
  const crowd = Array.from({ length: 60 }, () => log.changed(60_000, signal).then(() => told++));
  const paced = Array.from({ length: 60 }, () => log.changed(60_000, signal, true));
  log.append(point);
  await Promise.all(paced);
  expect(told).toBe(0);
  await Promise.all(crowd);
});
