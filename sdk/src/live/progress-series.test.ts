import fc from "fast-check";
import { expect, test } from "vitest";
import type { ProgressPoint } from "../progress-point.ts";
import type { LiveProgress } from "./progress.ts";
import { ProgressSeries } from "./progress-series.ts";

const point = (sequence: number) => ({ kind: "point", sequence, step: sequence * 10 }) as ProgressPoint;
/** Few points carry the two. */
const carrier = (sequence: number) =>
  ({
    ...point(sequence),
    ...(sequence % 5 === 4 && { ipr: sequence }),
    ...(sequence % 9 === 2 && { extra: { iprXi: sequence } }),
  }) as ProgressPoint;
const isKept = (sequence: number, stride: number) => (sequence - 1) % stride === 0;

/** A server that thins out more and more: of what it has up to some sequence, in batches of some size, with holes. */
interface Turn {
  readonly kind: "batches" | "gap" | "reset";
  readonly more: number;
  readonly grow: number;
  readonly size: number;
}

const turn: fc.Arbitrary<Turn> = fc.record({
  kind: fc.oneof(
    { weight: 8, arbitrary: fc.constant("batches" as const) },
    { weight: 1, arbitrary: fc.constant("gap" as const) },
    { weight: 1, arbitrary: fc.constant("reset" as const) },
  ),
  more: fc.integer({ min: 1, max: 60 }),
  grow: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 })),
  size: fc.integer({ min: 1, max: 8 }),
});

test("a series is the points of its stride and the newest, whatever batches, gaps and resets they came in", () => {
  fc.assert(
    fc.property(fc.array(turn, { maxLength: 20 }), (turns) => {
      const series = new ProgressSeries();
      let [epoch, next, stride] = [0, 1, 1];
      let missed = new Set<number>();
      const take = (event: LiveProgress) => series.take(event);
      for (const { kind, more, grow, size } of turns) {
        if (kind === "reset") {
          [epoch, next, stride, missed] = [epoch + 1, 1, 1, new Set()];
          take({ kind, epoch: String(epoch) });
          expect(series.points).toEqual([]);
          expect(series.gaps).toEqual([]);
        } else if (kind === "gap") {
          take({ kind, firstSequence: next, lastSequence: next + more - 1 });
          for (let i = 0; i < more; i++) missed.add(next++);
        } else {
          stride *= 2 ** grow;
          const newest = next + more - 1;
          const rest = Array.from({ length: more }, (_, i) => next + i).filter(
            (sequence) => isKept(sequence, stride) || sequence === newest,
          );
          next = newest + 1;
          while (rest.length > 0) {
            const points = rest.splice(0, size).map(point);
            take({ kind: "batch", epoch: String(epoch), stride, points });
          }
          const expected = Array.from({ length: newest }, (_, i) => i + 1).filter(
            (sequence) => !missed.has(sequence) && (isKept(sequence, stride) || sequence === newest),
          );
          expect(series.points.map(({ sequence }) => sequence)).toEqual(expected);
          expect([series.stride, series.epoch]).toEqual([stride, String(epoch)]);
        }
      }
      const told = series.gaps.flatMap(({ firstSequence, lastSequence }) =>
        Array.from({ length: lastSequence - firstSequence + 1 }, (_, i) => firstSequence + i),
      );
      expect(told).toEqual([...missed]);
    }),
  );
});

test("a point that is left has the values that were carried since the one before it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 300 }), (power, count) => {
      const series = new ProgressSeries();
      const all = Array.from({ length: count }, (_, i) => carrier(i + 1));
      series.take({ kind: "batch", epoch: "1", stride: 1, points: all });
      const stride = 2 ** power;
      for (let grown = 2; grown <= stride; grown *= 2) {
        series.take({ kind: "batch", epoch: "1", stride: grown, points: [carrier(count + grown)] });
      }
      for (const { sequence, ipr, extra } of series.points) {
        if (!isKept(sequence, stride) || sequence > count) continue;
        const cell = all.filter((each) => each.sequence > sequence - stride && each.sequence <= sequence);
        expect(ipr).toBe(cell.findLast((each) => each.ipr !== undefined)?.ipr);
        expect(extra?.iprXi).toBe(cell.findLast((each) => each.extra !== undefined)?.extra?.iprXi);
      }
    }),
  );
});
