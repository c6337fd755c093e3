import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { presetProblem } from "../../bench/problem.ts";
import { makeStart } from "../../server/engine/conformance/arbitrary-problem.ts";
import { relativeDistance } from "../../server/engine/conformance/distance.ts";
import { describeEngine } from "../../server/engine/conformance/engine-conformance.ts";
import { choiceOf } from "../../server/engine/conformance/example-starts.ts";
import { finalState } from "../../server/engine/conformance/state-bits.ts";
import { openCpuEngine } from "../../server/engine/cpu/cpu-engine.ts";
import { Gpu } from "../../server/engine/webgpu/gpu.ts";
import { GpuThread } from "../../server/engine/webgpu/gpu-thread.ts";
import { largestLimits, planOf, type Tuning } from "../../server/engine/webgpu/plan.ts";
import { loseAgainAndAgain } from "../../server/engine/webgpu/testing/losses.ts";
import {
  furtherSoftwareShapes,
  softwareAdapterMissing,
  softwareShapes,
  tiledShapes,
  useSoftwareAdapter,
} from "../../server/engine/webgpu/testing/software-adapter.ts";
import { openWebGpuEngine, WebGpuEngine } from "../../server/engine/webgpu/webgpu-engine.ts";
import { Float32ReferenceTrainer } from "../../server/model/float32-reference.ts";
import { OracleTrainer } from "../../server/model/oracle.ts";

const reference = join(import.meta.dirname, "../../../shared/reference");
const evaluator = await openCpuEngine();
// The GPU comes first: from the tests of the software adapter on this process sees no other.
const withoutGpu = await openWebGpuEngine({ evaluator }).then(
  (engine) => engine.close(),
  (error: Error) => error.message,
);

describeEngine({
  name: "webgpu, on this machine's GPU",
  missing: withoutGpu || undefined,
  open: () => openWebGpuEngine({ evaluator }),
  threads: [undefined],
  sideBySide: true,
});

/** As on a large GPU, of a network as wide as its kernels are made for. */
function largeTuning(modulus: number): Tuning {
  const shape = { modulus, width: 9107, activation: "relu", optimizer: "adamw", dimension: 0 } as const;
  const [{ dispatches }] = planOf({ ...shape, grokfast: false }, largestLimits).passes;
  const [forward, , xi, theta] = dispatches.map(({ kernel }) => kernel.constants);
  return {
    forward: { rowQuads: forward.ROW_QUADS },
    xi: { rowQuads: xi.ROW_QUADS },
    theta: { differences: theta.DIFFERENCES, neuronQuads: theta.NEURON_QUADS },
  };
}

/** Train and test loss may be off by so much up to a step: REFERENCE.md, and 1e-4 for a single frequency on a GPU. */
const tolerances = {
  standard: [
    { until: 2000, train: 0.001, test: 0.001 },
    { until: 5000, train: 0.01, test: 0.01 },
    { until: 8000, train: 0.03, test: 0.03 },
  ],
  grokking: [
    { until: 2200, train: 0.001, test: 0.003 },
    { until: 5000, train: 0.005, test: 0.03 },
  ],
  quad_single_freq: [{ until: 10_000, train: 1e-4, test: 1e-4 }],
} as const;

describe.skipIf(withoutGpu)(
  withoutGpu ? `published runs on a GPU (${withoutGpu})` : "published runs on a GPU",
  () => {
    let engine: WebGpuEngine;
    beforeAll(async () => {
      engine = await openWebGpuEngine({ evaluator });
    });
    afterAll(() => engine.close());

    for (const [run, bands] of Object.entries(tolerances)) {
      const curve = join(reference, run, "curve.json");
      test.skipIf(!existsSync(curve))(`${run} follows its published curve`, async () => {
        const { problem, state } = presetProblem(run, 42);
        const trainer = await engine.open(problem, state);
        const last = bands[bands.length - 1].until;
        const { trace, steps } = await trainer.advance(last);
        expect(steps).toBe(last);
        let compared = 0;
        for (const [step, train, heldBack] of JSON.parse(readFileSync(curve, "utf8")).data as number[][]) {
          if (step === 0 || step > last) continue;
          const band = bands.find(({ until }) => step <= until)!;
          expect(Math.abs(trace.trainLoss[step - 1] / train - 1), `step ${step}`).toBeLessThanOrEqual(
            band.train,
          );
          if (!Number.isNaN(trace.testLoss[step - 1]))
            expect(Math.abs(trace.testLoss[step - 1] / heldBack - 1), `step ${step}`).toBeLessThanOrEqual(
              band.test,
            );
          compared++;
        }
        expect(compared).toBeGreaterThan(40);
        trainer.close();
      });
    }
  },
);

describeEngine({
  name: "webgpu, on SwiftShader, further shapes",
  missing: softwareAdapterMissing,
  open: () => {
    useSoftwareAdapter();
    return openWebGpuEngine({ allowSoftware: true, evaluator });
  },
  threads: [undefined],
  shapes: furtherSoftwareShapes,
  steps: 60,
  isBrief: true,
});

describe.skipIf(softwareAdapterMissing !== undefined)(
  softwareAdapterMissing ? `webgpu on SwiftShader (${softwareAdapterMissing})` : "webgpu on SwiftShader",
  () => {
    const options = { allowSoftware: true, memoryBytes: undefined };
    let thread: GpuThread;
    let engine: WebGpuEngine;
    beforeAll(async () => {
      useSoftwareAdapter();
      thread = await GpuThread.start(options);
      engine = new WebGpuEngine(thread, options, evaluator);
    });
    afterAll(() => engine.close());

    test("200 losses of the device lose nothing but what was under way", async () => {
      const start = makeStart(choiceOf(softwareShapes[0]));
      expect(await loseAgainAndAgain(engine, thread, start, 200)).toEqual({
        losses: 200,
        otherErrors: 0,
        wrongStates: 0,
        bytesLeft: 0,
      });
    });

    test("10,000 trainers that come and go leave a process that has its size no larger by 16 MiB", async () => {
      const { problem, state } = makeStart(choiceOf(softwareShapes[0]));
      const comeAndGo = async (times: number) => {
        for (let i = 0; i < times; i++) {
          const trainers = await Promise.all([0, 1, 2, 3, 4].map(() => engine.open(problem, state)));
          await Promise.all(engine.advance(trainers.map((trainer) => ({ trainer, steps: 3 }))));
          await trainers[0].readState();
          for (const trainer of trainers) trainer.close();
        }
        expect(await engine.info()).toMatchObject({ trainers: 0, bytes: 0 });
        return process.memoryUsage().rss;
      };
      // So many, until what the collector leaves lying about for a while has its size: 11,000 rounds grew until the 5,000th, and not since.
      const before = await comeAndGo(6000);
      const after = await comeAndGo(2000);
      expect(after - before).toBeLessThan(16 * 2 ** 20);
    });

    test("the tiled kernels are after 100 steps within 4 times the error of a plain float32 program", async () => {
      for (const shape of tiledShapes) {
        const errors = { engine: 0, ordinary: 0 };
        for (const seed of [1, 2, 3]) {
          const { problem, state } = makeStart({ ...choiceOf(shape), seed, trainFraction: 0.75 });
          const oracle = new OracleTrainer(problem, state);
          const ordinary = new Float32ReferenceTrainer(problem, state);
          for (let step = 0; step < 100; step++) {
            oracle.step();
            ordinary.step();
          }
          const truth = [oracle.state.theta, oracle.state.xi];
          const { theta, xi } = await finalState(engine, { problem, state }, [100]);
          errors.engine += relativeDistance([theta, xi], truth);
          errors.ordinary += relativeDistance([ordinary.state.theta, ordinary.state.xi], truth);
        }
        expect(errors.engine).toBeLessThan(Math.max(4 * errors.ordinary, 3e-6));
      }
    });

    // The last logits are one, two and three to a column, and none; there are two parts of them; and one that is left over, of one part and of two.
    test.each([37, 43, 55, 63, 107, 41, 97, 113])(
      "the tiled kernels are right at p = %i, also cut up as for a large GPU",
      async (modulus) => {
        const { problem, state } = makeStart({ ...choiceOf(tiledShapes[0]), modulus, width: 390 });
        const oracle = new OracleTrainer(problem, state);
        for (let step = 0; step < 3; step++) oracle.step();
        for (const tuning of [{}, largeTuning(modulus)]) {
          const gpu = await Gpu.open({ allowSoftware: true, memoryBytes: undefined, tuning });
          const { network } = await gpu.load(problem, state);
          await gpu.advance(network, { steps: 3, weightsAt: [], measureAt: [] });
          const { theta, xi } = await gpu.read(network);
          expect(relativeDistance([theta, xi], [oracle.state.theta, oracle.state.xi])).toBeLessThan(3e-6);
          gpu.destroy();
        }
      },
    );
  },
);
