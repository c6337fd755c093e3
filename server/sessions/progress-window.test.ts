import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { completeSpec } from "../model/presets.ts";
import type { ProgressPoint } from "./progress-log.ts";
import { progressWindow, type WindowEvent, type WindowOptions } from "./progress-window.ts";
import type { Registry } from "./registry.ts";
import type { Session } from "./session.ts";
import { openTestRegistry, unrepeated } from "./testing/registry.ts";

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

async function start(steps: number, recordEvery: number): Promise<Session> {
  const spec = completeSpec({ modulus: 3, width: 8 }, "standard");
  const session = await registry.start({ spec, preset: "", labels: {}, engine: "auto", recordEvery });
  await advance(session, steps);
  return session;
}

const advance = (session: Session, steps: number) =>
  steps === 0
    ? undefined
    : session.advanceBy({ steps, expectedStep: undefined, receipt: unrepeated() }, never);

interface Window {
  readonly points: ProgressPoint[];
  readonly strides: Set<number>;
  readonly gaps: [number, number][];
  readonly opened: string[];
  readonly done: boolean;
}

function take(window: Window, event: WindowEvent): Window {
  switch (event.kind) {
    case "opened":
      return { ...empty(), opened: [...window.opened, event.epoch] };
    case "gap":
      return { ...window, gaps: [...window.gaps, [event.first, event.last]] };
    case "batch":
      return {
        ...window,
        points: [...window.points, ...event.points],
        strides: new Set([...window.strides, event.stride]),
      };
    case "done":
      return { ...window, done: true };
  }
}

const empty = (): Window => ({ points: [], strides: new Set(), gaps: [], opened: [], done: false });

async function read(session: Session, options: WindowOptions): Promise<Window> {
  let window = empty();
  for await (const event of progressWindow(session, options, never)) window = take(window, event);
  return window;
}

const recorded = (session: Session) => session.log.read(1, Number.MAX_SAFE_INTEGER);

test("a window is the recorded points between its steps: all, or those of one stride and the last", async () => {
  const sessions = [await start(0, 1), await start(1, 1), await start(60, 1), await start(1_600, 2)];
  // More than is retained.
  sessions.push(await start(1_500, 1));
  const options = fc.record(
    {
      firstStep: fc.nat(1_700),
      lastStep: fc.nat(1_700),
      maxPoints: fc.oneof(fc.integer({ min: 2, max: 20 }), fc.integer({ min: 2, max: 1_000 })),
    },
    { requiredKeys: ["firstStep"] },
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...sessions), options, async (session, asked) => {
      const { firstStep, lastStep = Number.POSITIVE_INFINITY, maxPoints } = asked;
      const all = recorded(session).filter(({ step }) => step >= firstStep && step <= lastStep);
      const { points, strides, gaps, opened, done } = await read(session, asked);
      const [stride = 1] = strides;
      expect(strides.size).toBeLessThanOrEqual(1);
      expect(points).toEqual(
        all.filter(({ sequence }, i) => (sequence - 1) % stride === 0 || i === all.length - 1),
      );
      if (maxPoints === undefined) expect(stride).toBe(1);
      else {
        expect(points.length).toBeLessThanOrEqual(maxPoints);
        // No coarser than it must be.
        const finer = all.filter(({ sequence }) => (sequence - 1) % (stride / 2) === 0);
        if (stride > 1) expect(finer.length + 1).toBeGreaterThan(maxPoints);
      }
      expect([opened, done]).toEqual([[session.epoch], true]);
      const { oldest } = session.log;
      const begins = recorded(session)[0]!.step;
      expect(gaps).toEqual(oldest > 1 && firstStep <= begins ? [[1, oldest - 1]] : []);
    }),
    { numRuns: 300 },
  );
});

test("points that leave the history while a window is read are a gap in it, and newer ones are not of it", async () => {
  const session = await start(650, 1);
  const reading = progressWindow(session, { firstStep: 0 }, never);
  let window = empty();
  for (let i = 0; i < 2; i++) window = take(window, (await reading.next()).value as WindowEvent);
  expect(window.points).toHaveLength(256);
  await advance(session, 400);
  for await (const event of reading) window = take(window, event);
  // Of sequences 1 to 651 the log still has those from 352 on.
  expect(window.gaps).toEqual([[257, 351]]);
  expect(window.points.slice(256).map(({ sequence }) => sequence)).toEqual(
    Array.from({ length: 300 }, (_, i) => 352 + i),
  );
});

test("a session that is put back to a snapshot while its window is read begins the window again", async () => {
  const session = await start(300, 1);
  await session.snapshot({ expectedStep: undefined, label: "" }, never);
  await advance(session, 300);
  const before = session.epoch;
  const reading = progressWindow(session, { firstStep: 100, lastStep: 500 }, never);
  let window = empty();
  for (let i = 0; i < 2; i++) window = take(window, (await reading.next()).value as WindowEvent);
  expect(window.points.at(-1)!.step).toBe(355);
  await session.restoreSnapshot(300, undefined, unrepeated(), never);
  for await (const event of reading) window = take(window, event);
  expect(window).toMatchObject({ opened: [before, session.epoch], gaps: [], done: true });
  expect(window.points.map(({ step }) => step)).toEqual(Array.from({ length: 201 }, (_, i) => 100 + i));
});

test("a window of a session at rest loads its points from the store, and lets them go", async () => {
  const session = await start(20, 1);
  expect(await session.sleep()).toBe(true);
  const { cursors } = session.log;
  expect((await read(session, { firstStep: 3, lastStep: 5 })).points.map(({ step }) => step)).toEqual([
    3, 4, 5,
  ]);
  const reading = progressWindow(session, { firstStep: 0 }, never);
  await reading.next();
  expect(cursors.size).toBe(1);
  await reading.return(undefined);
  expect(cursors.size).toBe(0);
  expect(session.log.isLoaded).toBe(false);
});
