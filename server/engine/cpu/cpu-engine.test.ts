import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { OracleTrainer } from "../../model/oracle.ts";
import { makeStart } from "../conformance/arbitrary-problem.ts";
import { relativeDistance } from "../conformance/distance.ts";
import { describeEngine } from "../conformance/engine-conformance.ts";
import { loadAddon } from "./addon.ts";
import { type CpuEngineOptions, cpuIsas, openCpuEngine } from "./cpu-engine.ts";
import { sourcesFingerprint, wasmStamp } from "./fingerprint.js";
import { ThreadChoice } from "./thread-choice.ts";

const isLong = process.env.LONG_TESTS !== undefined;
const addon = loadAddon();
const available = cpuIsas();

for (const isa of ["avx512", "avx2", "neon", "baseline"]) {
  const missing = "reason" in addon ? addon.reason : `not on this machine, which has ${available.join(", ")}`;
  describeEngine({
    name: `cpu addon, ${isa}`,
    missing: available.includes(isa) ? undefined : missing,
    open: (threads) => openCpuEngine({ variant: "addon", isa, ...(threads && { threads }) }),
    threads: [1, 2, 3],
    // The best one is tested in full, and has the bits of the others that fuse multiplication and addition.
    isBrief: isa !== available[0],
    ...((isa !== available[0] || !isLong) && { steps: 300 }),
  });
}

describeEngine({
  name: "cpu wasm",
  open: (threads) => openCpuEngine({ variant: "wasm", ...(threads && { threads }) }),
  threads: [1, 2, 3],
  ...(!isLong && { steps: 300 }),
});

describe("builds of the kernel", () => {
  it.runIf(available.includes("avx2"))("with a fused multiply-add have the same bits", async () => {
    const builds: CpuEngineOptions[] = available.filter((isa) => isa !== "baseline").map((isa) => ({ isa }));
    builds.push({ variant: "wasm" });
    const results = [];
    for (const options of builds) {
      await using engine = await openDisposable(options);
      const states = [];
      for (const [activation, dimension, grokfast] of [
        ["relu", undefined, undefined],
        ["gelu", 37, undefined],
        ["softplus2", undefined, { alpha: 0.98, lambda: 2 }],
        ["relu", 128, { alpha: 0.9, lambda: 1 }],
      ] as const) {
        const { problem, state } = makeStart({
          modulus: 31,
          width: 200,
          activation,
          task: "subtract",
          optimizer: { ...adamw, ...(grokfast && { grokfast }) },
          dimension,
          warmupSteps: 10,
          trainFraction: 0.75,
          seed: 3,
        });
        const trainer = await engine.open(problem, state);
        await trainer.advance(100);
        states.push(await trainer.readState(), await trainer.measure());
      }
      results.push(states);
    }
    for (const result of results) expect(result).toEqual(results[0]);
  });

  it.each(["reason" in addon ? [] : ["addon" as const], "wasm" as const].flat())(
    "take a network that is wider than a section to the oracle's update, with the same bits on any threads: %s",
    async (variant) => {
      const { problem, state } = makeStart({
        ...{ modulus: 31, width: 4_321, activation: "relu", task: "add", optimizer: adamw },
        ...{ warmupSteps: 0, trainFraction: 0.75, seed: 5 },
      });
      const { thetaGradient, xiGradient } = new OracleTrainer(problem, state).gradients();
      const results = [];
      for (const threads of [1, 2, 3]) {
        await using engine = await openDisposable({ variant, threads });
        const trainer = await engine.open(problem, state);
        await trainer.advance(1);
        const { moments } = await trainer.readState();
        // From zero, the first moment after an update is (1 - beta1) times the gradient.
        const [theta, xi] = [moments!.thetaFirst!, moments!.xiFirst!].map((moment) =>
          Float64Array.from(moment, (value) => value / (1 - adamw.beta1)),
        );
        expect(relativeDistance([theta, xi], [thetaGradient, xiGradient])).toBeLessThan(1e-5);
        await trainer.advance(2);
        results.push(await trainer.readState());
      }
      for (const result of results) expect(result).toEqual(results[0]);
    },
  );

  it.each(["reason" in addon ? [] : ["addon" as const], "wasm" as const].flat())(
    "let a trainer that has two threads try one, for some steps: %s",
    async (variant) => {
      const { problem, state } = makeStart({
        ...{ modulus: 23, width: 256, activation: "relu", task: "add", optimizer: adamw },
        ...{ warmupSteps: 0, trainFraction: 1, seed: 5 },
      });
      const learn = vi.spyOn(ThreadChoice.prototype, "learn");
      try {
        await using engine = await openDisposable({ variant, threads: 2 });
        const trainer = await engine.open(problem, state);
        const threads = () => learn.mock.calls.map(([piece]) => piece.threads);
        while (!threads().includes(1) && trainer.step < 20_000) await trainer.advance(50);
        expect(new Set(threads())).toEqual(new Set([1, 2]));
        expect(learn.mock.calls.reduce((sum, [{ steps }]) => sum + steps, 0)).toBe(trainer.step);
      } finally {
        learn.mockRestore();
      }
    },
  );

  it("include a WebAssembly module built from the present sources", () => {
    const { fingerprint } = JSON.parse(readFileSync(wasmStamp, "utf8"));
    expect(fingerprint, "run npm run build:wasm").toBe(sourcesFingerprint());
  });

  it("are refused when the machine doesn't have them", async () => {
    if ("reason" in addon) return;
    await expect(openCpuEngine({ isa: "mmx" })).rejects.toThrow(RangeError);
    await expect(openCpuEngine({ threads: 0 })).rejects.toThrow(RangeError);
  });

  it("fall back to WebAssembly where there is no addon, and say why", () => {
    const folder = mkdtempSync(join(tmpdir(), "grokbox-"));
    try {
      const rooms = ["server/engine", "server/model"];
      for (const room of rooms) {
        const source = join(import.meta.dirname, "../../..", room);
        cpSync(source, join(folder, room), { recursive: true, filter: (path) => basename(path) !== "build" });
      }
      const script = `
        const engine = await openCpuEngine({ threads: 1 });
        console.log(engine.variant, "|", engine.fallbackReason);
        await engine.close();`;
      const { stdout } = runScript(script, join(folder, "server/engine/cpu/cpu-engine.ts"));
      expect(stdout).toMatch(/^wasm \| the native kernel is not built/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("a process", () => {
  const script = (options: string) => `
    import { makeStart } from ${JSON.stringify(urlOf("../conformance/arbitrary-problem.ts"))};
    const { problem, state } = makeStart({ modulus: 11, width: 50, activation: "relu", task: "add",
      optimizer: { kind: "sgd", learningRate: 0.1, weightDecay: 0 }, warmupSteps: 0, trainFraction: 1, seed: 1 });
    const engine = await openCpuEngine(${options});
    const trainer = await engine.open(problem, state);
    trainer.advance(3000).then(({ steps }) => console.log("made", steps));`;

  it.each(["{}", '{ variant: "wasm" }'])(
    "lives until its jobs are done and then ends, engine open: %s",
    (options) => {
      const { stdout, status } = runScript(script(options));
      expect(stdout).toBe("made 3000\n");
      expect(status).toBe(0);
    },
  );

  it.each(["{}", '{ variant: "wasm" }'])("may exit in the middle of a job: %s", (options) => {
    const exit = "setTimeout(() => process.exit(7), 20);";
    const { status } = runScript(`${script(options).replace("3000", "1e8")}\n${exit}`);
    expect(status).toBe(7);
  });
});

const adamw = {
  kind: "adamw",
  learningRate: 1e-3,
  weightDecay: 1,
  beta1: 0.9,
  beta2: 0.98,
  epsilon: 1e-8,
} as const;

async function openDisposable(options: CpuEngineOptions) {
  const engine = await openCpuEngine(options);
  return Object.assign(engine, { [Symbol.asyncDispose]: () => engine.close() });
}

function urlOf(path: string): string {
  return pathToFileURL(join(import.meta.dirname, path)).href;
}

/** Plain node, so that this also tests that the engine and its workers need no build. */
function runScript(script: string, engine = join(import.meta.dirname, "cpu-engine.ts")) {
  const importEngine = `import { openCpuEngine } from ${JSON.stringify(pathToFileURL(engine).href)};\n`;
  return spawnSync(process.execPath, ["--input-type=module", "--eval", importEngine + script], {
    encoding: "utf8",
    timeout: 20_000,
  });
}
