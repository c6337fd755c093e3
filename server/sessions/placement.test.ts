import { setTimeout } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openCpuEngine } from "../engine/cpu/cpu-engine.ts";
import type { Engine, Problem, Trainer } from "../engine/engine.ts";
import { DeviceLostError } from "../engine/errors.ts";
import { LosableEngine } from "../engine/testing/losable-engine.ts";
import { completeSpec } from "../model/presets.ts";
import { type Calibration, calibrate, operations, type Timing } from "./calibration.ts";
import { expectedStepMs, fastest } from "./placement.ts";

const sizes = [
  { modulus: 11, width: 64 },
  { modulus: 23, width: 512 },
  { modulus: 53, width: 1024 },
  { modulus: 97, width: 9107 },
];

/** Of a device: a step takes a while whatever its size, and longer the larger it is; side by side no less than alone. */
const arbitraryCalibration: fc.Arbitrary<Calibration> = fc
  .record({
    overheadMs: fc.double({ min: 1e-3, max: 1, noNaN: true }),
    operationsAMs: fc.double({ min: 1e6, max: 1e10, noNaN: true }),
    shapes: fc.integer({ min: 1, max: 4 }),
    cohort: fc.option(
      fc.record({ size: fc.integer({ min: 2, max: 64 }), gain: fc.double({ min: 1, max: 64, noNaN: true }) }),
      { nil: undefined },
    ),
  })
  .map(({ overheadMs, operationsAMs, shapes, cohort }) =>
    sizes.slice(0, shapes).map((shape): Timing => {
      const stepMs = overheadMs + operations(shape) / operationsAMs;
      if (cohort === undefined) return { ...shape, stepMs };
      const { size, gain } = cohort;
      return { ...shape, stepMs, cohort: { size, stepMs: Math.max(stepMs, (stepMs * size) / gain) } };
    }),
  );

const arbitraryShape = fc.record(
  {
    modulus: fc.integer({ min: 1, max: 99 }).map((k) => 2 * k + 1),
    width: fc.integer({ min: 8, max: 65_536 }),
    embedding: fc.record({ dimension: fc.integer({ min: 1, max: 512 }) }),
  },
  { requiredKeys: ["modulus", "width"] },
);

test("what was timed is expected as it was, alone and side by side", () => {
  fc.assert(
    fc.property(arbitraryCalibration, (calibration) => {
      for (const timing of calibration) {
        expect(expectedStepMs(calibration, timing, 0) / timing.stepMs).toBeCloseTo(1, 9);
        if (timing.cohort === undefined) continue;
        const { size, stepMs } = timing.cohort;
        expect(expectedStepMs(calibration, timing, size - 1) / stepMs).toBeCloseTo(1, 9);
      }
    }),
  );
});

test("a larger network takes no less than a smaller one, and at most as much more as it has more operations", () => {
  fc.assert(
    fc.property(
      arbitraryCalibration,
      arbitraryShape,
      arbitraryShape,
      fc.nat(300),
      (calibration, a, b, others) => {
        const [small, large] = operations(a) <= operations(b) ? [a, b] : [b, a];
        const ratio = expectedStepMs(calibration, large, others) / expectedStepMs(calibration, small, others);
        expect(ratio).toBeGreaterThanOrEqual(1 - 1e-9);
        expect(ratio).toBeLessThanOrEqual((operations(large) / operations(small)) * (1 + 1e-9));
      },
    ),
  );
});

test("the more train beside it, the longer a step takes, and never longer than turns would", () => {
  fc.assert(
    fc.property(arbitraryCalibration, arbitraryShape, fc.nat(300), (calibration, shape, others) => {
      const alone = expectedStepMs(calibration, shape, 0);
      const beside = expectedStepMs(calibration, shape, others);
      expect(expectedStepMs(calibration, shape, others + 1)).toBeGreaterThanOrEqual(beside * (1 - 1e-9));
      expect(beside).toBeLessThanOrEqual(alone * (others + 1) * (1 + 1e-9));
    }),
  );
});

test("the reason names the rates of all engines, and the load", async () => {
  const cpu = await openCpuEngine({ threads: 1 });
  const gpu = new LosableEngine(cpu, "webgpu");
  const rates = (small: number, large: number): Calibration => [
    { ...sizes[1]!, stepMs: 1000 / small },
    { ...sizes[3]!, stepMs: 1000 / large },
  ];
  const on = (training: number, trainingOnCpu = 0) => [
    { engine: cpu, calibration: rates(4_800, 0.13), training: trainingOnCpu },
    { engine: gpu, calibration: rates(41_000, 52), training },
  ];
  const [small, large] = [sizes[1]!, sizes[3]!].map((size) => completeSpec(size, "standard"));
  expect(fastest(on(0), small!)).toEqual({
    engine: gpu,
    reason: "webgpu: 41,000 steps/s beside 4,800 of cpu, for p = 23, M = 512",
  });
  expect(fastest(on(0), large!).reason).toBe("webgpu: 52 steps/s beside 0.13 of cpu, for p = 97, M = 9107");
  expect(fastest(on(9), small!)).toEqual({
    engine: cpu,
    reason:
      "cpu: 4,800 steps/s beside about 4,100 of webgpu, for p = 23, M = 512, beside 9 that train on webgpu",
  });
  expect(fastest(on(0, 1), { ...small!, modulus: 31, width: 700 }).reason).toMatch(
    /^webgpu: about [\d,]+ steps\/s beside about [\d,]+ of cpu, for p = 31, M = 700, beside 1 that trains on cpu$/,
  );
  const options = [{ activation: "gelu" }, { embedding: { dimension: 128 } }] as const;
  for (const other of options) {
    expect(fastest(on(0), { ...small!, ...other }).reason).toMatch(
      /^webgpu: about [\d,]+ steps\/s beside about /,
    );
  }
  await cpu.close();
});

test("both builds of the CPU engine can be timed, from small networks to large ones", async () => {
  for (const variant of ["addon", "wasm"] as const) {
    const engine = await openCpuEngine({ variant, threads: 2 }).catch(() => undefined);
    if (engine === undefined) continue;
    const calibration = await calibrate(engine, 2_000);
    expect(calibration.length).toBeGreaterThanOrEqual(1);
    for (const [i, { stepMs, cohort }] of calibration.entries()) {
      expect(stepMs).toBeGreaterThan(0);
      expect(operations(calibration[i]!)).toBeGreaterThan(i === 0 ? 0 : operations(calibration[i - 1]!));
      if (cohort !== undefined) expect(cohort.stepMs).toBeGreaterThanOrEqual(stepMs);
    }
    await engine.close();
  }
});

test("what an engine takes to open trainers, as a GPU's that compiles, leaves as much time to time them", async () => {
  const engine = await openCpuEngine({ threads: 1 });
  const slow = changed(engine, {
    open: async (...start) => {
      await setTimeout(400);
      return engine.open(...start);
    },
  });
  expect((await calibrate(slow, 600)).length).toBeGreaterThanOrEqual(3);
  await engine.close();
});

test.each([
  { room: 1, size: undefined },
  { room: 3, size: 3 },
  { room: 4, size: 4 },
  { room: 5, size: 4 },
])(
  "as many are timed side by side as an engine of 4 parts has memory for: of $room, $size",
  async ({ room, size }) => {
    const { engine, open } = await limited(({ modulus }) => (modulus === 11 ? room : 0));
    const calibration = await calibrate(engine, 2_000);
    expect(calibration[0]).toEqual({
      ...sizes[0],
      stepMs: expect.any(Number),
      cohort: calibration[0]!.cohort,
    });
    expect(calibration[0]!.cohort?.size).toBe(size);
    expect(open.size).toBe(0);
    await engine.close();
  },
);

test("a network that finds no memory, and those that are larger, are left out", async () => {
  const { engine, open } = await limited(({ modulus }) => (modulus < 23 ? 4 : 0));
  expect((await calibrate(engine, 2_000)).map(({ modulus }) => modulus)).toEqual([11]);
  expect(open.size).toBe(0);
  await engine.close();
});

test("what keeps a network of a cohort from being opened but memory is told, and no trainer kept", async () => {
  const { engine, open } = await limited(
    () => 2,
    () => new DeviceLostError("it is gone"),
  );
  await expect(calibrate(engine, 2_000)).rejects.toThrow("it is gone");
  expect(open.size).toBe(0);
  await engine.close();
});

test("an engine that has no time to be timed says so, and keeps no trainer", async () => {
  const engine = await openCpuEngine({ threads: 1 });
  await expect(calibrate(engine, 0)).rejects.toThrow("not one step could be timed within 0 ms");
  await engine.close();
});

/** An engine but for what is given. */
function changed(engine: Engine, changes: Partial<Engine>): Engine {
  return new Proxy(engine, {
    get: (target, key) => {
      if (key in changes) return changes[key as keyof Engine];
      const value = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** An engine of four parts with room for so many networks of each problem, and those that are open. */
async function limited(
  room: (problem: Problem) => number,
  refusal: () => Error = () => new RangeError("no memory is left"),
): Promise<{ readonly engine: Engine; readonly open: ReadonlySet<Trainer> }> {
  const cpu = await openCpuEngine({ threads: 1 });
  const open = new Set<Trainer>();
  const engine = changed(cpu, {
    parts: 4,
    open: async (problem, state) => {
      if (open.size >= room(problem)) throw refusal();
      const trainer = await cpu.open(problem, state);
      open.add(trainer);
      const close = trainer.close.bind(trainer);
      trainer.close = () => {
        open.delete(trainer);
        close();
      };
      return trainer;
    },
  });
  return { engine, open };
}
