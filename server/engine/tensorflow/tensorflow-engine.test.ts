import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeStart } from "../conformance/arbitrary-problem.ts";
import { relativeDistance } from "../conformance/distance.ts";
import { small } from "../conformance/example-starts.ts";
import { expectClose } from "../conformance/expectations.ts";
import { bitsOf, finalState } from "../conformance/state-bits.ts";
import { type CpuEngine, openCpuEngine } from "../cpu/cpu-engine.ts";
import { DeviceLostError } from "../errors.ts";
import { openTensorflowEngine, TensorflowEngine } from "./tensorflow-engine.ts";
import { WorkerThread } from "./worker-thread.ts";

let evaluator: CpuEngine;
beforeAll(async () => {
  evaluator = await openCpuEngine({ threads: 1 });
});
afterAll(() => evaluator.close());

describe.each(["wasm", "cpu"] as const)("the tensorflow engine on %s", (backend) => {
  let engine: TensorflowEngine;
  beforeAll(async () => {
    engine = await openTensorflowEngine({ backend, evaluator });
  });
  afterAll(() => engine.close());

  it("says what it is", () => {
    expect(engine).toMatchObject({ name: "tensorflow", variant: backend, deterministic: true, parts: 1 });
    expect(engine.device).toMatch(/^TensorFlow\.js 4\./);
  });

  it("holds as many tensors after 1,000 steps as before, and none of trainers that are closed", async () => {
    const none = await engine.memory();
    expect(none.tensors).toBe(0);
    const { problem, state } = makeStart({ ...small, task: "subtract", trainFraction: 0.75 });
    const trainer = await engine.open(problem, state);
    const one = await engine.memory();
    await trainer.advance(1000, { weightsAt: [10, 500], measureAt: [7, 800] });
    expect(await engine.memory()).toEqual(one);
    for (let i = 0; i < 30; i++) {
      const other = await engine.open(problem, state);
      await other.advance(2);
      other.close();
    }
    expect(await engine.memory()).toEqual(one);
    trainer.close();
    expect(await engine.memory()).toEqual(none);
  });

  it("lets no tensor of a diverging network lie about", async () => {
    const optimizer = { kind: "sgd", learningRate: 1000, weightDecay: 0 } as const;
    const { problem, state } = makeStart({ ...small, activation: "x^4", optimizer, warmupSteps: 0 });
    const trainer = await engine.open(problem, state);
    const before = await engine.memory();
    expect((await trainer.advance(1000)).diverged).toBe(true);
    expect((await trainer.advance(1000)).diverged).toBe(true);
    expect(await engine.memory()).toEqual(before);
    trainer.close();
  });

  it("goes on where the cpu engine stopped, and the other way round", async () => {
    const start = makeStart({ ...small, trainFraction: 0.75, seed: 5 });
    const engines = [evaluator, engine, evaluator];
    let { state } = start;
    for (const [i, next] of engines.entries()) {
      const trainer = await next.open(start.problem, state);
      if (i > 0) {
        const before = await engines[i - 1].open(start.problem, state);
        for (const column of ["trainLoss", "testLoss", "gradientNorm", "parameterNorm"] as const) {
          expectClose(trainer.current[column][0], before.current[column][0], 1e-5);
        }
        before.close();
      }
      await trainer.advance(40);
      state = await trainer.readState();
      trainer.close();
    }
    const straight = await finalState(evaluator, start, [120]);
    expect(state.step).toBe(120);
    expect(relativeDistance([state.theta, state.xi], [straight.theta, straight.xi])).toBeLessThan(1e-3);
  });

  it("computes beside the event loop", async () => {
    const { problem, state } = makeStart({ ...small, modulus: 45, width: 60 });
    const trainer = await engine.open(problem, state);
    let done = false;
    const running = trainer.advance(3).finally(() => {
      done = true;
    });
    let turns = 0;
    for (; !done; turns++) await setImmediate();
    // On the loop there would be a few for each step.
    expect(turns).toBeGreaterThan(100);
    await running;
    trainer.close();
  });
});

describe("the tensorflow engine", () => {
  it("refuses what the memory of the wasm backend doesn't hold, and keeps what it has", async () => {
    const engine = await openTensorflowEngine({ backend: "wasm", evaluator });
    const { problem, state } = makeStart(small);
    const trainer = await engine.open(problem, state);
    const before = await engine.memory();
    const width = 200_000;
    const weights = new Float32Array(width * 199);
    const large = { ...makeStart({ ...small, modulus: 199 }).problem, width };
    const refused = engine.open(large, { step: 0, theta: weights, xi: weights });
    await expect(refused).rejects.toThrow(RangeError);
    await expect(refused).rejects.toThrow(/^p = 199, M = 200000 takes .* MiB .* more than the 3,072 MiB/);
    expect(await engine.memory()).toEqual(before);
    expect((await trainer.advance(5)).steps).toBe(5);
    await engine.close();
  });

  it("fails every call when its thread is lost, and comes back with the next open", async () => {
    const thread = await WorkerThread.start("wasm");
    const engine = new TensorflowEngine(thread, evaluator);
    const start = makeStart(small);
    const [running, idle] = await Promise.all([0, 1].map(() => engine.open(start.problem, start.state)));
    const advance = running.advance(1e9);
    await thread.close();
    const error: unknown = await advance.catch((lost) => lost);
    expect(error).toBeInstanceOf(DeviceLostError);
    expect(await idle.readState().catch((lost) => lost)).toBe(error);
    for (const trainer of [running, idle]) trainer.close();
    const again = await Promise.all([0, 1].map(() => engine.open(start.problem, start.state)));
    await again[0].advance(20);
    expect(bitsOf(await again[0].readState())).toEqual(bitsOf(await finalState(engine, start, [20])));
    await engine.close();
  });

  it("is lost, once and with the reason, as long as its backend can't be had for a new thread", async () => {
    const thread = await WorkerThread.start("wasm");
    const engine = new TensorflowEngine(thread, evaluator);
    const start = makeStart(small);
    await thread.close();
    // As if it were not installed any more, on whatever machine.
    Object.assign(engine, { variant: "no backend" });
    const open = () => engine.open(start.problem, start.state).catch((error) => error);
    const [error, ...others] = [...(await Promise.all([open(), open()])), await open()];
    expect(error).toBeInstanceOf(DeviceLostError);
    expect(error.cause).toMatchObject({ name: "Error", message: error.message });
    for (const again of others) expect(again).toBe(error);
    Object.assign(engine, { variant: "wasm" });
    const trainer = await engine.open(start.problem, start.state);
    expect((await trainer.advance(3)).steps).toBe(3);
    await engine.close();
  });

  it("takes turns with several trainers, none waiting for another's end", async () => {
    const engine = await openTensorflowEngine({ backend: "wasm", evaluator });
    const start = makeStart(small);
    const [long, short] = await Promise.all([0, 1].map(() => engine.open(start.problem, start.state)));
    const stop = new AbortController();
    const running = long.advance(1e9, { signal: stop.signal });
    expect((await short.advance(100)).steps).toBe(100);
    stop.abort();
    expect((await running).steps).toBeGreaterThan(0);
    await engine.close();
  });

  it("says what to install where there is no TensorFlow.js, or not the backend asked for", async () => {
    const open = (options: string) =>
      `openTensorflowEngine(${options}).catch((error) => console.log(error.message));`;
    const folder = mkdtempSync(join(tmpdir(), "grokbox-"));
    try {
      for (const room of ["server/engine", "server/model"]) {
        const source = join(import.meta.dirname, "../../..", room);
        cpSync(source, join(folder, room), { recursive: true, filter: (path) => basename(path) !== "build" });
      }
      const bare = join(folder, "server/engine/tensorflow/tensorflow-engine.ts");
      expect(runScript(open("{}"), bare)).toMatch(
        /^TensorFlow\.js is not installed: run npm install @tensorflow\/tfjs-node-gpu .*tfjs-node, .*tfjs-backend-wasm\n$/,
      );
      expect(runScript(open('{ backend: "wasm" }'), bare)).toBe(
        "the wasm backend of TensorFlow.js is not installed: " +
          "run npm install @tensorflow/tfjs-core @tensorflow/tfjs-backend-wasm\n",
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("in a process that has nothing else to do is waited for when it is closed", () => {
    const script = `
      import { WorkerThread } from ${JSON.stringify(urlOf("worker-thread.ts"))};
      const thread = await WorkerThread.start("wasm");
      void thread.call("memory", {});
      // The answer is there, and taken in while the thread ends.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
      await thread.close();
      console.log("closed");`;
    expect(runScript(script)).toBe("closed\n");
  });

  it.each([
    ["lives until its jobs are done and then ends, engine open", "", "made 200\n"],
    ["may exit in the middle of a job", "setTimeout(() => process.exit(), 20);", ""],
  ])("in a process that %s", (_, more, printed) => {
    const script = `
      import { makeStart } from ${JSON.stringify(urlOf("../conformance/arbitrary-problem.ts"))};
      import { small } from ${JSON.stringify(urlOf("../conformance/example-starts.ts"))};
      const { problem, state } = makeStart(small);
      const engine = await openTensorflowEngine({ backend: "wasm" });
      const trainer = await engine.open(problem, state);
      trainer.advance(${more ? 1e9 : 200}).then(({ steps }) => console.log("made", steps));
      ${more}`;
    expect(runScript(script)).toBe(printed);
  });
});

function urlOf(path: string): string {
  return pathToFileURL(join(import.meta.dirname, path)).href;
}

/** What plain node prints: so that this also tests that the engine and its thread need no build. */
function runScript(script: string, engine = join(import.meta.dirname, "tensorflow-engine.ts")): string {
  const importEngine = `import { openTensorflowEngine } from ${JSON.stringify(pathToFileURL(engine).href)};\n`;
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--input-type=module", "--eval", importEngine + script],
    { encoding: "utf8", timeout: 30_000 },
  );
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return stdout;
}
