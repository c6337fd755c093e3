import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeStart } from "../conformance/arbitrary-problem.ts";
import { choiceOf } from "../conformance/example-starts.ts";
import { expectClose } from "../conformance/expectations.ts";
import { bitsOf, finalState } from "../conformance/state-bits.ts";
import { type CpuEngine, openCpuEngine } from "../cpu/cpu-engine.ts";
import { DeviceLostError } from "../errors.ts";
import { whyNoGpu } from "./device-nodes.ts";
import { GpuThread } from "./gpu-thread.ts";
import { planOf, shapeOf } from "./plan.ts";
import { poolBytes } from "./pool-memory.ts";
import { loseAgainAndAgain } from "./testing/losses.ts";
import { softwareAdapterMissing, softwareShapes, useSoftwareAdapter } from "./testing/software-adapter.ts";
import { openWebGpuEngine, WebGpuEngine } from "./webgpu-engine.ts";

useSoftwareAdapter();
const options = { allowSoftware: true, memoryBytes: undefined };
const start = makeStart(choiceOf(softwareShapes[0]));
const { problem, state } = start;

let evaluator: CpuEngine;
beforeAll(async () => {
  evaluator = await openCpuEngine({ threads: 1 });
});
afterAll(() => evaluator.close());

describe.skipIf(softwareAdapterMissing !== undefined)(
  softwareAdapterMissing ? `the webgpu engine (${softwareAdapterMissing})` : "the webgpu engine",
  () => {
    let thread: GpuThread;
    let engine: WebGpuEngine;
    beforeAll(async () => {
      thread = await GpuThread.start(options);
      engine = new WebGpuEngine(thread, options, evaluator);
    });
    afterAll(() => engine.close());

    it("says what it is", async () => {
      expect(engine).toMatchObject({ name: "webgpu", variant: "vulkan", isa: "wgsl", parts: 4 });
      expect(engine.device).toMatch(/SwiftShader/i);
      expect(await engine.info()).toMatchObject({
        device: { isSoftware: true },
        trainers: 0,
        bytes: 0,
        memoryBytes: undefined,
      });
    });

    it("refuses a software adapter that nobody allowed, and says which", async () => {
      await expect(GpuThread.start({ allowSoftware: false, memoryBytes: undefined })).rejects.toThrow(
        /^the only WebGPU adapter is a software one, swiftshader.*, which is not allowed$/i,
      );
    });

    it.runIf(whyNoGpu())("is not looked for where there is no GPU", async () => {
      await expect(openWebGpuEngine({ evaluator })).rejects.toThrow(/^there is no GPU: no .dev.nvidia0/);
    });

    it("goes on where the cpu engine stopped, and the other way round", async () => {
      const engines = [evaluator, engine, evaluator];
      let last = state;
      for (const [i, next] of engines.entries()) {
        const trainer = await next.open(problem, last);
        if (i > 0) {
          const before = await engines[i - 1].open(problem, last);
          for (const column of ["trainLoss", "gradientNorm", "parameterNorm"] as const) {
            expectClose(trainer.current[column][0], before.current[column][0], 1e-5);
          }
          before.close();
        }
        await trainer.advance(40);
        last = await trainer.readState();
        trainer.close();
      }
      expect(last.step).toBe(120);
    });

    it("gives the memory of trainers back, those that opened together in one go", async () => {
      const before = await engine.info();
      const trainers = await Promise.all(Array.from({ length: 20 }, () => engine.open(problem, state)));
      const { bytes, trainers: count } = await engine.info();
      expect(count).toBe(20);
      // 4 places, then 8, 16 and 32, of which only the last are left.
      const { limits } = thread.device;
      expect(bytes).toBe(poolBytes(planOf(shapeOf(problem), limits), 32));
      const results = await Promise.all(engine.advance(trainers.map((trainer) => ({ trainer, steps: 7 }))));
      for (const result of results) expect(result).toEqual(results[0]);
      for (const trainer of trainers) trainer.close();
      expect(await engine.info()).toEqual(before);
    });

    it("makes room for more while others train, which keep their bits, also one that then goes back from a divergence", async () => {
      // The second one's weights grow by a hundredth a step, until its loss overflows.
      const starts = [0, 2010].map((weightDecay) => {
        const optimizer = { kind: "sgd", learningRate: 1e-3, weightDecay } as const;
        return makeStart({ ...choiceOf(softwareShapes[1]), warmupSteps: 0, optimizer });
      });
      const advanceAll = async (meanwhile: () => Promise<unknown>) => {
        const trainers = await Promise.all(starts.map((each) => engine.open(each.problem, each.state)));
        const running = engine.advance(trainers.map((trainer) => ({ trainer, steps: 400 })));
        let isOver = false;
        void running[0].finally(() => {
          isOver = true;
        });
        await meanwhile();
        expect(isOver).toBe(false);
        const results = await Promise.all(running);
        const states = await Promise.all(trainers.map((trainer) => trainer.readState()));
        for (const trainer of trainers) trainer.close();
        return { results, states };
      };
      const openMore = () =>
        Promise.all(Array.from({ length: 12 }, () => engine.open(starts[0].problem, starts[0].state)));
      // Kernels for so many, which take seconds to compile here.
      for (const trainer of await openMore()) trainer.close();
      const undisturbed = await advanceAll(async () => {});
      expect(undisturbed.results.map(({ diverged }) => diverged)).toEqual([false, true]);
      expect(undisturbed.results[1].steps).toBeGreaterThan(50);
      const bytes: number[] = [];
      const disturbed = await advanceAll(async () => {
        bytes.push((await engine.info()).bytes);
        const others = await openMore();
        bytes.push((await engine.info()).bytes);
        await Promise.all(engine.advance(others.map((trainer) => ({ trainer, steps: 20 }))));
        for (const other of others) other.close();
      });
      expect(bytes[1]).toBeGreaterThan(bytes[0]);
      expect(disturbed).toEqual(undisturbed);
      expect((await engine.info()).bytes).toBe(0);
    });

    it("frees a trainer that is closed while it advances, which keeps what it did", async () => {
      const trainer = await engine.open(problem, state);
      const running = trainer.advance(1e9);
      trainer.close();
      expect((await running).diverged).toBe(false);
      expect(await engine.info()).toMatchObject({ trainers: 0, bytes: 0 });
    });

    it("loses nothing but what was under way when the device is lost in each of 4 ways", async () => {
      expect(await loseAgainAndAgain(engine, thread, start, 4)).toEqual({
        losses: 4,
        otherErrors: 0,
        wrongStates: 0,
        bytesLeft: 0,
      });
    });

    it("comes back on a new thread when its thread dies", async () => {
      const dying = await GpuThread.start(options);
      const other = new WebGpuEngine(dying, options, evaluator);
      const trainer = await other.open(problem, state);
      await dying.close();
      await expect(trainer.readState()).rejects.toThrow(/^the thread of the GPU is lost/);
      trainer.close();
      const again = await other.open(problem, state);
      await again.advance(3);
      expect(bitsOf(await again.readState())).toEqual(bitsOf(await finalState(engine, start, [3])));
      await other.close();
    });

    it("is lost, once and with the reason, as long as there is no device for a new thread", async () => {
      const dying = await GpuThread.start(options);
      // For a while it finds no adapter that it may take.
      const given = { ...options, allowSoftware: false };
      const other = new WebGpuEngine(dying, given, evaluator);
      await dying.close();
      const open = () => other.open(problem, state).catch((error) => error);
      const [error, ...others] = [...(await Promise.all([open(), open()])), await open()];
      expect(error).toBeInstanceOf(DeviceLostError);
      expect(error.message).toMatch(/^the only WebGPU adapter is a software one, /);
      expect(error.cause).toMatchObject({ name: "Error", message: error.message });
      for (const again of others) expect(again).toBe(error);
      given.allowSoftware = true;
      const trainer = await other.open(problem, state);
      expect((await trainer.advance(3)).steps).toBe(3);
      await other.close();
    });

    it("refuses what its memory doesn't hold, says what is needed and free, and keeps what it has", async () => {
      const memoryBytes = Math.floor(2.5 * engine.bytesOf(problem));
      const other = await openWebGpuEngine({ allowSoftware: true, memoryBytes, evaluator });
      const trainers = [await other.open(problem, state)];
      await trainers[0].advance(3);
      const wide = { modulus: 97, width: 9107 };
      const weights = new Float32Array(97 * 9107);
      const large = { ...makeStart({ ...choiceOf(softwareShapes[0]), modulus: 97 }).problem, ...wide };
      const before = await other.info();
      await expect(other.open(large, { step: 0, theta: weights, xi: weights })).rejects.toThrow(
        new RegExp(
          `^a network of p = 97, M = 9107 takes \\d+ bytes of device memory; ${memoryBytes - before.bytes} of ${memoryBytes} are free$`,
        ),
      );
      expect(await other.info()).toEqual(before);
      // Places are made several at a time: the first refusal comes when there is no memory for more.
      let refusal: unknown;
      while (refusal === undefined && trainers.length < 200) {
        await other.open(problem, state).then(
          (trainer) => trainers.push(trainer),
          (error) => {
            refusal = error;
          },
        );
      }
      expect(refusal).toBeInstanceOf(RangeError);
      expect(String(refusal)).toMatch(
        /a network of p = 3, M = 9 takes \d+ bytes of device memory; \d+ of \d+/,
      );
      expect((await other.info()).bytes).toBeLessThanOrEqual(memoryBytes);
      expect((await trainers[0].advance(3)).steps).toBe(3);
      trainers[1].close();
      const next = await other.open(problem, state);
      expect((await next.advance(2)).steps).toBe(2);
      await other.close();
      await expect(openWebGpuEngine({ memoryBytes: 0, evaluator })).rejects.toThrow(/^memoryBytes must be/);
    });

    describe("in a process", () => {
      it("lets it end when calls are done, the engine open", () => {
        const { status, stdout } = run(
          "trainer.advance(50).then(({ steps }) => console.log('made', steps));",
        );
        expect({ status, stdout }).toEqual({ status: 0, stdout: "made 50\n" });
      });

      it("lets it exit in the middle of an advance", () => {
        const { status, stdout } = run("trainer.advance(1e9); setTimeout(() => process.exit(7), 50);");
        expect({ status, stdout }).toEqual({ status: 7, stdout: "" });
      });

      it("works while garbage is collected all the time", () => {
        const collecting = pathToFileURL(join(import.meta.dirname, "testing/collecting.js")).href;
        const { status, stdout } = run(
          `await trainer.advance(100, { weightsAt: [3, 50], measureAt: [7] });
           await trainer.readState();
           console.log("step", trainer.step);
           await engine.close();`,
          collecting,
        );
        expect({ status, stdout }).toEqual({ status: 0, stdout: "step 100\n" });
      });
    });
  },
);

/** Runs a script in plain node, with a trainer open; `preload` is imported by the process and the engine's thread. */
function run(script: string, preload?: string) {
  const url = (path: string) => JSON.stringify(pathToFileURL(join(import.meta.dirname, path)).href);
  const argv = preload === undefined ? [] : ["--import", preload];
  const prepared = `
    import { GpuThread } from ${url("gpu-thread.ts")};
    import { WebGpuEngine } from ${url("webgpu-engine.ts")};
    import { makeStart } from ${url("../conformance/arbitrary-problem.ts")};
    import { choiceOf } from ${url("../conformance/example-starts.ts")};
    import { softwareShapes } from ${url("testing/software-adapter.ts")};
    const options = ${JSON.stringify(options)};
    const engine = new WebGpuEngine(await GpuThread.start(options, ${JSON.stringify(argv)}), options);
    const { problem, state } = makeStart(choiceOf(softwareShapes[0]));
    const trainer = await engine.open(problem, state);
    ${script}`;
  return spawnSync(process.execPath, [...argv, "--input-type=module", "--eval", prepared], {
    encoding: "utf8",
    timeout: 60_000,
  });
}
