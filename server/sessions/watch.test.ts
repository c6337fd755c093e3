import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { completeSpec } from "../model/presets.ts";
import { Metronome } from "./metronome.ts";
import type { ProgressPoint } from "./progress-log.ts";
import type { Registry } from "./registry.ts";
import type { Session } from "./session.ts";
import { openTestRegistry, unrepeated } from "./testing/registry.ts";
import { type WatchEvent, type WatchOptions, watch } from "./watch.ts";

const never = new AbortController().signal;
const retained = 700;
let registry: Registry;

beforeAll(async () => {
  registry = await openTestRegistry({ threads: 1, limits: { retainedProgressPoints: retained } });
});

afterAll(async () => {
  await registry.shutDown();
  await registry.close();
});

function start(): Promise<Session> {
  const spec = completeSpec({ modulus: 3, width: 8 }, "standard");
  const measures = [
    { measure: "ipr", every: 5 },
    { measure: "iprXi", every: 100 },
  ] as const;
  return registry.start({ spec, preset: "", labels: {}, engine: "auto", recordEvery: 1, measures });
}

const advance = (session: Session, steps: number) =>
  session.advanceBy({ steps, expectedStep: undefined, receipt: unrepeated() }, never);

/** What the description of LiveProgress and LiveBatch says that a viewer does, and no more. */
class Viewer {
  readonly maxPoints: number;
  next = 1;
  /** Where the present epoch was begun. */
  began = 1;
  epoch = "";
  stride = 1;
  first = 0;
  points: ProgressPoint[] = [];
  missed: [number, number][] = [];

  constructor(maxPoints: number) {
    this.maxPoints = maxPoints;
  }

  /** Resumes, takes so many events, and leaves. */
  async read(session: Session, events: number): Promise<void> {
    const { maxPoints, stride, first, epoch } = this;
    const options: WatchOptions = {
      from: this.next,
      ...(epoch === "" ? {} : { epoch }),
      untilIdle: true,
      thinning: { maxPoints, stride, first },
      pace: { metronome: new Metronome(), intervalMs: 1 },
    };
    let left = events;
    for await (const event of watch(session, options, never)) {
      this.take(event);
      if (--left === 0) return;
    }
  }

  take(event: WatchEvent): void {
    if (event.kind === "opened") {
      if (this.epoch !== "" && this.epoch !== event.epoch) {
        this.began = Math.max(1, event.oldest);
        Object.assign(this, { next: this.began, stride: 1, first: 0, points: [], missed: [] });
      }
      this.epoch = event.epoch;
    } else if (event.kind === "gap") {
      expect(event.first).toBe(this.next);
      this.missed.push([event.first, event.last]);
      this.next = event.last + 1;
    } else if (event.kind === "batch") {
      const { points, stride } = event;
      expect(Math.log2(stride / this.stride)).toBeGreaterThanOrEqual(0);
      expect(points[0]!.sequence).toBeGreaterThanOrEqual(this.next);
      this.stride = stride;
      this.first ||= points[0]!.sequence;
      this.next = points.at(-1)!.sequence + 1;
      this.points = handedOn(this.points, (point) => this.isKept(point));
      for (const [i, point] of points.entries())
        if (this.isKept(point) || i === points.length - 1) this.points.push(point);
      expect(this.points.length).toBeLessThanOrEqual(this.maxPoints);
    }
  }

  isKept({ sequence }: ProgressPoint): boolean {
    return (sequence - 1) % this.stride === 0;
  }
}

/** What every point carries. */
function ofAll({ ipr: _, iprXi: __, ...point }: ProgressPoint) {
  return point;
}

/** Those that are kept, each with what the last one before it had that is left out and comes after the kept one before. */
function handedOn(
  points: readonly ProgressPoint[],
  isKept: (point: ProgressPoint) => boolean,
): ProgressPoint[] {
  const kept: ProgressPoint[] = [];
  let left: Pick<ProgressPoint, "ipr" | "iprXi"> = {};
  for (const point of points) {
    const { ipr = left.ipr, iprXi = left.iprXi } = point;
    left = { ...(ipr !== undefined && { ipr }), ...(iprXi !== undefined && { iprXi }) };
    if (!isKept(point)) continue;
    kept.push({ ...point, ...left });
    left = {};
  }
  return kept;
}

type Command =
  | { readonly kind: "step"; readonly steps: number }
  | { readonly kind: "read"; readonly events: number }
  | { readonly kind: "restore" };

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("step" as const), steps: fc.integer({ min: 1, max: 400 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("read" as const), events: fc.integer({ min: 1, max: 6 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "restore" as const }) },
);

test("a viewer holds every stride-th point and the newest, however it was recorded, broken off and resumed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(command, { minLength: 1, maxLength: 14 }),
      fc.integer({ min: 2, max: 120 }),
      async (commands, maxPoints) => {
        const session = await start();
        await session.snapshot({ expectedStep: undefined, label: "" }, never);
        const viewer = new Viewer(maxPoints);
        const recorded = new Map<number, ProgressPoint>();
        const record = () => {
          for (const point of session.log.read(1, retained)) recorded.set(point.sequence, point);
        };
        record();
        for (const each of commands) {
          if (each.kind === "step") await advance(session, each.steps).then(record);
          else if (each.kind === "read") await viewer.read(session, each.events);
          else {
            await session.restoreSnapshot(0, undefined, unrepeated(), never);
            recorded.clear();
            record();
          }
        }
        await viewer.read(session, Number.POSITIVE_INFINITY);
        const { newest } = session.log;
        const isMissed = (sequence: number) =>
          viewer.missed.some(([first, last]) => sequence >= first && sequence <= last);
        const isHeld = (point: ProgressPoint) =>
          point.sequence >= viewer.began &&
          !isMissed(point.sequence) &&
          (viewer.isKept(point) || point.sequence === newest);
        const expected = [...recorded.values()].filter(isHeld);
        expect(viewer.points.map(ofAll)).toEqual(expected.map(ofAll));
        expect(viewer.next).toBe(newest + 1);
        if (viewer.missed.length === 0 && session.log.oldest === 1) {
          const fresh = new Viewer(maxPoints);
          await fresh.read(session, Number.POSITIVE_INFINITY);
          expect(fresh.stride).toBe(viewer.stride);
          expect(fresh.points).toEqual(viewer.points);
          const isKeptOrNewest = (point: ProgressPoint) => viewer.isKept(point) || point.sequence === newest;
          expect(viewer.points).toEqual(handedOn([...recorded.values()], isKeptOrNewest));
        }
        await registry.delete(session.name);
      },
    ),
    { numRuns: 60 },
  );
});

test("a viewer that holds points which are no longer retained still holds no more than it asked for", async () => {
  const session = await start();
  const viewer = new Viewer(20);
  for (let i = 0; i < 12; i++) {
    await advance(session, 500);
    await viewer.read(session, Number.POSITIVE_INFINITY);
  }
  expect(viewer.missed).toEqual([]);
  expect(viewer.points[0]!.sequence).toBe(1);
  // Of 6,001 points.
  expect(viewer.stride).toBe(512);
  await registry.delete(session.name);
});

test("a viewer that joins late is thinned out for what it gets, not for what it can't have", async () => {
  const session = await start();
  await advance(session, 3_000);
  const viewer = new Viewer(200);
  await viewer.read(session, Number.POSITIVE_INFINITY);
  expect(viewer.missed).toEqual([[1, 2_301]]);
  expect(viewer.stride).toBe(4);
  expect(viewer.points.length).toBeGreaterThan(170);
  await registry.delete(session.name);
});

test("who has all points waits out the pace, however many come, and leaving ends the wait; who catches up does not", async () => {
  const session = await start();
  await advance(session, 650);
  const controller = new AbortController();
  // Beats are multiples of it since the process began: none comes meanwhile.
  const pace = { metronome: new Metronome(), intervalMs: 86_400_000 };
  const watching = watch(session, { from: 1, untilIdle: false, pace }, controller.signal);
  expect((await watching.next()).value).toMatchObject({ kind: "opened" });
  let batches = 0;
  for (let last = 0; last < session.log.newest; batches++) {
    const event: WatchEvent = (await watching.next()).value;
    last = event.kind === "batch" ? event.points.at(-1)!.sequence : Number.NaN;
  }
  expect(batches).toBeGreaterThan(1);
  const waiting = watching.next();
  await advance(session, 300);
  expect(await Promise.race([waiting, delay(100, "waits")])).toBe("waits");
  controller.abort();
  expect((await waiting).done).toBe(true);
  expect(session.log.cursors.size).toBe(0);
});

test("a pace bounds batches of new points", async () => {
  const session = await start();
  await advance(session, 1);
  const controller = new AbortController();
  const [metronome, intervalMs] = [new Metronome(), 50];
  const options = { from: 1, untilIdle: false, pace: { metronome, intervalMs } };
  let batches = 0;
  const read = async () => {
    for await (const event of watch(session, options, controller.signal))
      if (event.kind === "batch") batches += 1;
  };
  const began = performance.now();
  const reading = read();
  while (performance.now() - began < 10 * intervalMs) {
    await advance(session, 1);
    // Fewer between two beats than a batch holds.
    await delay(1);
  }
  controller.abort();
  await reading;
  expect(batches).toBeGreaterThan(1);
  // One at once, and one at each beat.
  expect(batches).toBeLessThanOrEqual(2 + (performance.now() - began) / intervalMs);
});

test("a session that is watched sleeps once its watchers have all points, and wakes with nobody having missed any", async () => {
  const session = await start();
  await advance(session, 400);
  const controller = new AbortController();
  const watching = watch(session, { from: 1, untilIdle: false }, controller.signal);
  const sequences: number[] = [];
  const take = async (): Promise<string> => {
    const event: WatchEvent = (await watching.next()).value;
    if (event.kind === "batch") sequences.push(...event.points.map(({ sequence }) => sequence));
    return event.kind;
  };
  expect([await take(), await take()]).toEqual(["opened", "batch"]);
  // It has 256 of them, and may ask for the others.
  expect(await session.sleep()).toBe(false);
  while (sequences.at(-1)! < session.log.newest) await take();
  const next = take();
  expect(await session.sleep()).toBe(true);
  expect(session.log.isLoaded).toBe(false);

  await advance(session, 3);
  expect(await next).toBe("batch");
  while (sequences.at(-1)! < session.log.newest) await take();
  expect(sequences).toEqual(Array.from({ length: session.log.newest }, (_, i) => 1 + i));
  controller.abort();
  await watching.return(undefined);
});

test("a session that is watched makes room for another that needs its memory", async () => {
  const limits = { retainedProgressPoints: 1_000, maxStateBytes: 150_000 };
  const full = await openTestRegistry({ threads: 1, limits });
  const spec = completeSpec({ modulus: 3, width: 8 }, "standard");
  const options = { spec, preset: "", labels: {}, engine: "auto", recordEvery: 1, measures: [] };
  const controller = new AbortController();
  const watched: Session[] = [];
  const streams: AsyncGenerator<WatchEvent>[] = [];
  for (let i = 0; i < 3; i++) {
    const session = await full.start(options);
    await advance(session, 2);
    const stream = watch(session, { untilIdle: false }, controller.signal);
    await stream.next();
    streams.push(stream);
    watched.push(session);
  }
  expect(watched.map(({ training }) => training.isAwake)).toEqual([false, false, true]);
  const waiting = streams[0]!.next();
  await advance(watched[0]!, 1);
  expect((await waiting).value).toMatchObject({ kind: "batch", points: [{ step: 3 }] });
  controller.abort();
  await full.shutDown();
  await full.close();
});

test("who begins to watch a session that sleeps gets what it asks for from the store, and no more is loaded", async () => {
  const session = await start();
  await advance(session, 300);
  expect(await session.sleep()).toBe(true);
  const { log } = session;
  const controller = new AbortController();
  const fromNow = watch(session, { untilIdle: false }, controller.signal);
  expect((await fromNow.next()).value).toMatchObject({ kind: "opened", newest: log.newest });
  const waiting = fromNow.next();
  await delay(5);
  expect(log.isLoaded).toBe(false);

  const viewer = new Viewer(1_000);
  await viewer.read(session, Number.POSITIVE_INFINITY);
  expect(viewer.points.map(({ sequence }) => sequence)).toEqual(
    Array.from({ length: log.newest }, (_, i) => 1 + i),
  );
  expect(log.isLoaded).toBe(false);

  // Another epoch: all of it is to be read again.
  await session.renewEpoch();
  const { value } = await waiting;
  expect(value).toMatchObject({ kind: "opened", epoch: session.epoch });
  const again = (await fromNow.next()).value;
  expect(again).toMatchObject({ kind: "batch", points: [{ sequence: 1 }, ...Array(255).fill({})] });
  expect(session.training.isAwake).toBe(false);
  controller.abort();
  await fromNow.return(undefined);
  expect(log.isLoaded).toBe(false);
});
