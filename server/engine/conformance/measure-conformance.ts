import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SpectralMeasures, SpectralMeter } from "../../model/spectral-measures.ts";
import type { AdvanceOptions, Engine, Weights } from "../engine.ts";
import { arbitraryChoice, type Choice, makeStart, type Start, startsWithin } from "./arbitrary-problem.ts";
import { type EngineUnderTest, middlingSteps, type OpenedEngine } from "./engine-conformance.ts";
import { choiceOf, idealNetwork, small } from "./example-starts.ts";
import { bitsOf, finalBits } from "./state-bits.ts";

/** Spectral measures on the way: what `SpectralMeter` says of the weights, the same bits however the steps were made. */
export function describeMeasures(opened: OpenedEngine, subject: EngineUnderTest): void {
  const { open, threads, lacks, shapes, steps: longest = 1000 } = subject;
  const startOf = startsWithin(subject);
  describe("spectral measures", () => {
    it("of the opened state are those of SpectralMeter, at any shape", async () => {
      await fc.assert(
        fc.asyncProperty(arbitraryChoice({ mostModulus: 45, mostWidth: 150 }, shapes), async (choice) => {
          await expectOpenedMeasures(opened.engine, startsWithin({ lacks })(choice));
        }),
        { numRuns: shapes ? (process.env.LONG_TESTS ? 2 * shapes.length : 3) : 60 },
      );
    });

    const choices = [
      { ...small, modulus: 3, width: 8 },
      { ...small, modulus: 3, width: 33 },
      { ...small, modulus: 9, width: 50 },
      { ...small, modulus: 31, width: 129 },
      { ...small, modulus: 97, width: 513 },
      { ...small, modulus: 199, width: 70 },
    ];
    it.each(shapes?.map(choiceOf) ?? choices)(
      "of the opened state are those of SpectralMeter at p = $modulus, M = $width",
      async (choice) => {
        await expectOpenedMeasures(opened.engine, makeStart(choice));
      },
    );

    it("of single-frequency networks are what theory says", async () => {
      // Both layers have one frequency a row, and psi = 2 phi.
      const measures = await measuresOf(
        opened.engine,
        shapes ? idealNetwork(11, 128) : idealNetwork(23, 100),
      );
      expect(measures.iprTheta).toBeCloseTo(1, 6);
      expect(measures.iprXi).toBeCloseTo(1, 6);
      expect(measures.ipr).toBeCloseTo(1, 6);
      expect(measures.meanAbsSinMisalignment).toBeCloseTo(0, 5);
      expect(measures.thetaCosineFit).toBeCloseTo(1, 6);
      expect(measures.xiCosineFit).toBeCloseTo(1, 6);
    });

    it("leave constant rows out, and are absent when there are no others", async () => {
      const constant = (rows: Float32Array, modulus: number, which: (m: number) => boolean) =>
        rows.map((value, i) => (which(Math.floor(i / modulus)) ? 0.1 : value));
      const { problem, state } = startOf({ ...small, width: 41 });
      const { modulus } = problem;
      const all = () => true;
      const cases: Weights[] = [
        { theta: constant(state.theta, modulus, (m) => m % 3 === 0), xi: state.xi },
        { theta: state.theta, xi: constant(state.xi, modulus, (m) => m % 5 !== 2) },
        {
          theta: constant(state.theta, modulus, (m) => m % 2 === 0),
          xi: constant(state.xi, modulus, (m) => m % 2 === 1),
        },
        { theta: constant(state.theta, modulus, all), xi: state.xi },
        { theta: state.theta, xi: constant(state.xi, modulus, all) },
        { theta: constant(state.theta, modulus, all), xi: constant(state.xi, modulus, all) },
      ];
      const measured = [];
      for (const weights of cases) {
        const start = { problem, state: { ...state, ...weights } };
        const measures = await measuresOf(opened.engine, start);
        expectMeasures(measures, start);
        measured.push(measures);
      }
      expect(measured[2].meanAbsSinMisalignment).toBeUndefined();
      expect(measured[3].iprTheta).toBeUndefined();
      expect(measured[4].iprXi).toBeUndefined();
      expect(Object.values(measured[5]).every((value) => value === undefined)).toBe(true);
    });

    it("of any states on the way are those of the weights copied out there", async () => {
      const start = startOf({ ...small, modulus: 23, width: 100, trainFraction: 0.75 });
      const trainer = await opened.engine.open(start.problem, start.state);
      const at = [1, 2, 9, ...Array.from({ length: 25 }, (_, i) => 11 + 7 * i), 199, 200];
      const { weights, measures } = await trainer.advance(200, { weightsAt: at, measureAt: at });
      const apart = await trainer.advance(100, { weightsAt: [3, 50, 100], measureAt: [2, 50, 99] });
      expect(measures).toHaveLength(at.length);
      for (const [i, captured] of weights.entries()) {
        expectMeasures(measures[i], { problem: start.problem, state: { step: 0, ...captured } });
      }
      expect(apart.measures).toHaveLength(3);
      expectMeasures(apart.measures[1], { problem: start.problem, state: { step: 0, ...apart.weights[1] } });
      trainer.close();
    });

    it("have the same bits however the steps were cut, and change none", async () => {
      const start = startOf({ ...small, modulus: 23, width: 300, trainFraction: 0.75 });
      const steps = middlingSteps(subject);
      const whole = await measuredRun(opened.engine, start, [steps]);
      expect(whole.measures).toHaveLength(steps);
      expect(await measuredRun(opened.engine, start, new Array(steps).fill(1))).toEqual(whole);
      expect(await measuredRun(opened.engine, start, [1, 51, 7, steps - 59])).toEqual(whole);
      const unmeasured = await finalBits(opened.engine, start, [steps]);
      expect(whole.bits).toEqual({ ...unmeasured, traces: undefined });
      const trainer = await opened.engine.open(start.problem, start.state);
      await trainer.advance(60);
      expect(await trainer.measure()).toEqual(whole.measures[59]);
      expect((await trainer.advance(50, { measureAt: [50] })).measures).toEqual([whole.measures[109]]);
      const reopened = await opened.engine.open(start.problem, await trainer.readState());
      expect(await reopened.measure()).toEqual(whole.measures[109]);
      reopened.close();
      trainer.close();
    });

    it("of more states than fit in one call of the kernel are all there", async () => {
      const start = startOf({ ...small, modulus: 5, width: 9 });
      const steps = 9 * longest;
      const every = (step: number) =>
        Array.from({ length: Math.floor(steps / step) }, (_, i) => (i + 1) * step);
      const trainer = await opened.engine.open(start.problem, start.state);
      const { measures } = await trainer.advance(steps, { measureAt: every(1) });
      expect(measures).toHaveLength(steps);
      const other = await opened.engine.open(start.problem, start.state);
      const options: AdvanceOptions = { measureAt: every(longest), weightsAt: every(0.4 * longest) };
      const thinned = await other.advance(steps, options);
      expect(thinned.measures).toEqual(every(longest).map((at) => measures[at - 1]));
      trainer.close();
      other.close();
    });

    it.runIf(threads.length > 1)("have the same bits on any number of threads", async () => {
      const starts = [
        startOf({ ...small, modulus: 31, width: 500, trainFraction: 0.75 }),
        startOf({ ...small, modulus: 9, width: 5003 }),
      ];
      const runs = [];
      for (const count of threads) {
        const other = await open(count);
        const results = [];
        for (const start of starts) {
          results.push(await measuredRun(other, start, [20, 1, 19]), await measuresOf(other, start));
        }
        runs.push(results);
        await other.close();
      }
      for (const run of runs) expect(run).toEqual(runs[0]);
    });

    it("are of all states before a divergence, and then of the last finite one", async () => {
      const optimizer = { kind: "sgd", learningRate: 1000, weightDecay: 0 } as const;
      const choice: Choice = { ...small, activation: "x^4", optimizer, warmupSteps: 10_000 };
      const start = startOf(choice);
      const trainer = await opened.engine.open(start.problem, start.state);
      const measureAt = Array.from({ length: 20_000 }, (_, i) => i + 1);
      const { diverged, steps, measures } = await trainer.advance(20_000, { measureAt });
      expect(diverged).toBe(true);
      expect(steps).toBeGreaterThan(1);
      expect(measures).toHaveLength(steps);
      expect(await trainer.measure()).toEqual(measures[steps - 1]);
      expectMeasures(await trainer.measure(), { ...start, state: await trainer.readState() });
      const again = await trainer.advance(3, { measureAt: [1, 2, 3] });
      expect(again).toMatchObject({ diverged: true, measures: [] });
      trainer.close();
    });

    it("are asked for at increasing steps, by calls that don't overlap", async () => {
      const { problem, state } = startOf(small);
      const trainer = await opened.engine.open(problem, state);
      await expect(trainer.advance(5, { measureAt: [3, 3] })).rejects.toThrow("measureAt");
      await expect(trainer.advance(5, { measureAt: [6] })).rejects.toThrow("measureAt");
      await expect(trainer.advance(5, { measureAt: [0] })).rejects.toThrow("measureAt");
      const aborted = await trainer.advance(5, { measureAt: [1], signal: AbortSignal.abort() });
      expect(aborted.measures).toEqual([]);
      const running = trainer.advance(50);
      await expect(trainer.measure()).rejects.toThrow(/must not overlap/);
      expect((await running).measures).toEqual([]);
      trainer.close();
      await expect(trainer.measure()).rejects.toThrow(/closed/);
    });
  });
}

/** Measures of every state and the bits of the last, after the given calls of `advance`. */
async function measuredRun(engine: Engine, start: Start, cuts: readonly number[]) {
  const trainer = await engine.open(start.problem, start.state);
  const measures: SpectralMeasures[] = [];
  for (const steps of cuts) {
    const measureAt = Array.from({ length: steps }, (_, i) => i + 1);
    measures.push(...(await trainer.advance(steps, { measureAt })).measures);
  }
  const bits = bitsOf(await trainer.readState());
  trainer.close();
  return { measures, bits };
}

async function measuresOf(engine: Engine, start: Start): Promise<SpectralMeasures> {
  const trainer = await engine.open(start.problem, start.state);
  const measures = await trainer.measure();
  trainer.close();
  return measures;
}

async function expectOpenedMeasures(engine: Engine, start: Start): Promise<void> {
  const trainer = await engine.open(start.problem, start.state);
  const measures = await trainer.measure();
  // With a learned embedding theta is the engine's own product.
  const state = await trainer.readState();
  trainer.close();
  expectMeasures(measures, { ...start, state });
}

function expectMeasures(actual: SpectralMeasures, { problem, state }: Start): void {
  const expected = new SpectralMeter(problem.modulus).measure(state.theta, state.xi);
  for (const name of Object.keys(expected) as (keyof SpectralMeasures)[]) {
    const value = expected[name];
    if (value === undefined) expect(actual[name], name).toBeUndefined();
    else expect(Math.abs(actual[name]! - value), name).toBeLessThanOrEqual(1e-9 * value);
  }
}
