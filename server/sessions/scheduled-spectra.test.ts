import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { openCpuEngine } from "../engine/cpu/cpu-engine.ts";
import { LosableEngine } from "../engine/testing/losable-engine.ts";
import { completeSpec } from "../model/presets.ts";
import type { SpecInput } from "../model/spec-input.ts";
import { extraMeasures } from "./extra-measures.ts";
import type { MeasureSchedule } from "./measure-schedule.ts";
import type { RunPlan } from "./plan.ts";
import type { ProgressPoint } from "./progress-log.ts";
import type { Registry } from "./registry.ts";
import type { Session } from "./session.ts";
import { advance, atRest, pointsOf, stepsWith } from "./testing/points.ts";
import { openTestRegistry } from "./testing/registry.ts";

const never = new AbortController().signal;
const plan: RunPlan = { stopWhen: [], snapshotAt: [], recordEvery: 1, recordAt: [] };
/** One that can have everything. */
const quadratic: SpecInput = {
  modulus: 7,
  width: 16,
  activation: "x^2",
  optimizer: { kind: "sgd", learningRate: 0.1 },
  split: { kind: "torch", fraction: 0.8 },
};
const open: Registry[] = [];

afterEach(async () => {
  for (const registry of open.splice(0)) {
    await registry.shutDown();
    await registry.close();
  }
});

async function opened(options: Parameters<typeof openTestRegistry>[0] = {}): Promise<Registry> {
  const registry = await openTestRegistry({ threads: 1, ...options });
  open.push(registry);
  return registry;
}

function start(
  registry: Registry,
  measures: MeasureSchedule,
  { input = quadratic, recordEvery = 1 }: { input?: SpecInput; recordEvery?: number } = {},
): Promise<Session> {
  const spec = completeSpec(input, "standard");
  return registry.start({ spec, preset: "", labels: {}, engine: "", recordEvery, measures });
}

const both = (every: number): MeasureSchedule => [
  { measure: "ipr", every },
  { measure: "meanAbsSinMisalignment", every },
];

test.each(["addon", "wasm"] as const)(
  "whatever the schedule, points are those of all measures at every step without what is not due (%s)",
  async (variant) => {
    const registry = await opened({ variant });
    const steps = 60;
    const whole = await start(
      registry,
      extraMeasures.map((measure) => ({ measure, every: 1 })),
    );
    await whole.run({ ...plan, untilStep: steps }, undefined, never);
    await atRest(whole);
    const all = new Map((await pointsOf(whole)).map((point) => [point.step, point]));
    expect(all.size).toBe(steps + 1);
    const every = fc.integer({ min: 1, max: 20 });
    const entry = fc.record({
      measure: fc.constantFrom("ipr", "meanAbsSinMisalignment", ...extraMeasures),
      every,
    });
    const schedules = fc.uniqueArray(entry, { selector: ({ measure }) => measure, maxLength: 6 });
    const parts = fc.array(fc.integer({ min: 1, max: steps - 1 }), { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(
        schedules,
        fc.integer({ min: 1, max: 7 }),
        parts,
        async (schedule, recordEvery, cuts) => {
          const session = await start(registry, schedule, { recordEvery });
          for (const cut of [...cuts, steps].sort((a, b) => a - b)) {
            if (cut > session.step) await advance(session, cut - session.step);
          }
          const points = await pointsOf(session);
          const recorded = [...all.keys()].filter(
            (step) => step % recordEvery === 0 || step === steps || cuts.includes(step),
          );
          expect(points.map(({ step }) => step)).toEqual(recorded);
          for (const { sequence: _, ...point } of points) {
            const { sequence: __, ...expected } = all.get(point.step)!;
            const isLeftOut = (name: string) => {
              const scheduled = schedule.find(({ measure }) => measure === name);
              if (scheduled !== undefined) return point.step % scheduled.every !== 0;
              return (extraMeasures as readonly string[]).includes(name);
            };
            const left = Object.entries(expected).filter(([name]) => !isLeftOut(name));
            expect(point).toEqual(Object.fromEntries(left));
          }
          await registry.delete(session.name);
        },
      ),
      { numRuns: variant === "addon" ? 40 : 10 },
    );
  },
);

test("spectra are measured where something of them is due, and nowhere else", async () => {
  const engine = new LosableEngine(await openCpuEngine({ threads: 1 }), "webgpu");
  const registry = await opened({ offered: () => [{ engine, fallbackReason: "" }] });
  const measuredOf = async (measures: MeasureSchedule) => {
    let session: Session | undefined;
    const measured: number[] = [];
    engine.called = (what, options) => {
      const step = session?.step ?? 0;
      if (what === "measure") measured.push(step);
      if (what === "advance") measured.push(...options!.measureAt!.map((at) => step + at));
    };
    session = await start(registry, measures);
    for (const steps of [13, 12, 5]) await advance(session, steps);
    return measured;
  };
  expect(await measuredOf([])).toEqual(Array.from({ length: 31 }, (_, step) => step));
  expect(await measuredOf(both(10))).toEqual([0, 10, 20, 30]);
  expect(await measuredOf([...both(15), { measure: "iprXi", every: 10 }])).toEqual([0, 10, 15, 20, 30]);
  // Of a copy of the weights.
  expect(await measuredOf([...both(15), { measure: "votingResidual", every: 10 }])).toEqual([0, 15, 30]);
});

test("a run that diverges has the same points up to there as one that carries the spectra at every step", async () => {
  const registry = await opened();
  const input: SpecInput = {
    ...quadratic,
    activation: "x^8",
    optimizer: { kind: "sgd", learningRate: 1 },
    init: { scale: 1 },
  };
  const pointsWith = async (measures: MeasureSchedule) => {
    const session = await start(registry, measures, { input });
    await session.run({ ...plan, untilStep: 10_000 }, undefined, never);
    await atRest(session);
    expect(session.state).toBe("diverged");
    return pointsOf(session);
  };
  const all = await pointsWith([]);
  expect(all.length).toBeGreaterThan(5);
  const some = await pointsWith(both(2));
  expect(stepsWith(some, "ipr")).toEqual(stepsWith(all, "ipr").filter((step) => step % 2 === 0));
  const without = (points: readonly ProgressPoint[]) =>
    points.map(({ ipr: _, meanAbsSinMisalignment: __, ...point }) => point);
  expect(without(some)).toEqual(without(all));
});

test("the schedule changes during a run for the points from then on, and an empty one has them at all again", async () => {
  const registry = await opened({ limits: { retainedProgressPoints: 1_000_000 } });
  const session = await start(registry, both(1_000_000));
  await session.run({ ...plan, untilStep: 1_000_000 }, undefined, never);
  while (session.step < 100) await session.log.changed(1_000, never);
  await session.update({ measures: both(10) }, never, () => {});
  const from = session.step;
  while (session.step < from + 300) await session.log.changed(1_000, never);
  await session.update({ measures: [] }, never, () => {});
  const to = session.step;
  while (session.step < to + 100) await session.log.changed(1_000, never);
  await session.pause();
  const points = await pointsOf(session);
  const expected = points
    .map(({ step }) => step)
    .filter((step) => step === 0 || step > to || (step > from && step % 10 === 0));
  expect(stepsWith(points, "ipr")).toEqual(expected);
  expect(stepsWith(points, "meanAbsSinMisalignment")).toEqual(expected);
  expect(points.map(({ step }) => step)).toEqual(Array.from({ length: session.step + 1 }, (_, step) => step));
});
