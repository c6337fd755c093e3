import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Grokbox } from "@grokbox/sdk";
import { afterAll, afterEach, expect, test } from "vitest";
import { calibrationFile } from "../server/calibration-file.ts";
import { type Config, configure } from "../server/config.ts";
import { openCpuEngine } from "../server/engine/cpu/cpu-engine.ts";
import { LosableEngine } from "../server/engine/testing/losable-engine.ts";
import { type EngineOpeners, engineOpeners } from "../server/engines.ts";
import type { RunningServer } from "../server/server.ts";
import { grokbox } from "./testing/grokbox.ts";
import { startTestServer } from "./testing/server.ts";

const folder = mkdtempSync(join(tmpdir(), "grokbox-engines-"));
const servers: RunningServer[] = [];
let gpu: LosableEngine;

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The WebAssembly build in the place of a GPU. */
const openers: EngineOpeners = {
  ...engineOpeners,
  others: {
    webgpu: async () => {
      gpu = new LosableEngine(await openCpuEngine({ threads: 1, variant: "wasm" }), "webgpu", 2 ** 26);
      return gpu;
    },
    tensorflow: () => Promise.reject(new Error("@tensorflow/tfjs is not installed")),
  },
};

const withoutAdapter: EngineOpeners = {
  ...engineOpeners,
  others: { webgpu: () => Promise.reject(new Error("Dawn finds no adapter")) },
};

async function serve(values: Partial<Config> = {}, given = openers): Promise<RunningServer> {
  const server = await startTestServer(values, given);
  servers.push(server);
  return server;
}

test("with a choice every engine is timed, and a session gets the fastest, with the rates as the reason", async () => {
  const server = await serve();
  await using box = await Grokbox.connect(server.address);
  const { engines, absentEngines, memory } = await box.info();
  expect(engines.map(({ name }) => name)).toEqual(["webgpu", "cpu"]);
  expect(absentEngines).toEqual([]);
  expect(engines.map((engine) => engine.memory?.limitBytes)).toEqual([2 ** 26, undefined]);
  expect(memory?.limitBytes).toBe(configure().maxStateBytes);
  const rates = engines.map(({ timings }) => timings.find(({ modulus }) => modulus === 23)!.stepsPerSecond);
  const best = engines[rates.indexOf(Math.max(...rates))]!.name;

  await using session = await box.start({ modulus: 23, width: 512 });
  expect(session.info.engine).toBe(best);
  const [, , fast, slow] = /^(\w+): ([\d,.]+) steps\/s beside ([\d,.]+) of \w+, for p = 23, M = 512$/.exec(
    session.info.engineReason,
  )!;
  const said = [fast, slow].map((rate) => Number(rate!.replaceAll(",", "")));
  const sorted = rates.toSorted((a, b) => b - a);
  for (const [i, rate] of said.entries()) expect(rate / sorted[i]!).toBeCloseTo(1, 0);
  expect((await box.start({ modulus: 7, width: 16, engine: "cpu" })).info).toMatchObject({
    engine: "cpu",
    engineReason: "asked for",
  });
  // 2 ** 26 bytes are too few for it.
  expect((await box.start({ modulus: 97, width: 16_384 })).info).toMatchObject({
    engine: "cpu",
    engineReason: "the only engine that has the memory for it",
  });
});

test("with one engine nothing is timed", async () => {
  const data = join(folder, "one");
  const server = await serve({ data }, { ...engineOpeners, others: {} });
  expect(existsSync(join(data, calibrationFile))).toBe(false);
  await using box = await Grokbox.connect(server.address);
  const session = await box.start({ modulus: 7, width: 16 });
  expect(session.info.engineReason).toBe("the only engine of this server");
  expect((await box.info()).engines[0]!.timings).toEqual([]);
});

test("what was timed is kept for the machine, and timed again when it is damaged or of something else", async () => {
  const data = join(folder, "kept");
  const file = join(data, calibrationFile);
  await (await serve({ data })).close();
  servers.pop();
  const kept = JSON.parse(readFileSync(file, "utf8")) as { key: string; timings: { stepMs: number }[] }[];
  expect(kept).toHaveLength(2);

  // Recognizably not what a machine does.
  const marked = kept.map((one, i) => ({
    key: i === 0 ? one.key : `${one.key} of another version`,
    timings: [{ ...one.timings[0], stepMs: 123_456 }],
  }));
  writeFileSync(file, JSON.stringify(marked));
  const { engines } = await serve({ data });
  expect(engines.offered[0]!.calibration![0]!.stepMs).toBe(123_456);
  expect(engines.offered[1]!.calibration![0]!.stepMs).toBeLessThan(123_456);
  expect(JSON.parse(readFileSync(file, "utf8"))).toHaveLength(3);
  await servers.pop()!.close();

  const damages = [
    JSON.stringify(kept).replace(/"stepMs":\d/, '"stepMs":-1'),
    "{",
    "",
    "[{}]",
    '[{"key":"a","timings":[]}]',
  ];
  for (const damage of process.env.LONG_TESTS ? damages : damages.slice(0, 2)) {
    writeFileSync(file, damage);
    const again = await serve({ data });
    for (const { calibration } of again.engines.offered) expect(calibration![0]!.stepMs).toBeGreaterThan(0);
    expect(JSON.parse(readFileSync(file, "utf8"))).toHaveLength(2);
    await servers.pop()!.close();
  }
});

test("an engine that does not work is left out with its reason, and fatal when it was asked for by name", async () => {
  const server = await serve({}, withoutAdapter);
  await using box = await Grokbox.connect(server.address);
  const info = await box.info();
  expect(info.engines.map(({ name }) => name)).toEqual(["cpu"]);
  expect(info.absentEngines).toEqual([{ name: "webgpu", reason: "Dawn finds no adapter" }]);
  await expect(box.start({ modulus: 7, width: 16, engine: "webgpu" })).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    reason: "ENGINE_ABSENT",
    message: expect.stringContaining("Dawn finds no adapter"),
  });
  await expect(box.start({ modulus: 7, width: 16, engine: "abacus" })).rejects.toMatchObject({
    reason: "INVALID_FIELD",
    violations: [{ field: "engine" }],
  });
  await expect(serve({ engines: ["webgpu", "cpu"] }, withoutAdapter)).rejects.toThrow(
    "--engine webgpu: Dawn finds no adapter",
  );
  await expect(serve({ engines: ["tensorflow"] }, { ...engineOpeners, others: {} })).rejects.toThrow(
    "--engine tensorflow: ",
  );
});

test("the CPU engine computes logits where it is not offered", async () => {
  const server = await serve({ engines: ["webgpu"] });
  await using box = await Grokbox.connect(server.address);
  const session = await box.start({ modulus: 7, width: 16 });
  expect(session.info).toMatchObject({ engine: "webgpu", engineReason: "the only engine of this server" });
  expect((await session.evaluate()).loss).toBeCloseTo((await session.step()).trainLoss!, 5);
  await expect(session.move("cpu")).rejects.toMatchObject({ reason: "INVALID_FIELD" });
});

test("a session is moved by the SDK, and by the command line, also while it runs", async () => {
  const server = await serve();
  await using box = await Grokbox.connect(server.address);
  await using session = await box.start({ modulus: 7, width: 16, engine: "webgpu" });
  await session.step(10);
  expect(await session.move("cpu", { expectedStep: 10 })).toMatchObject({ engine: "cpu", step: 10 });
  await expect(session.move("webgpu", { expectedStep: 9 })).rejects.toMatchObject({
    reason: "STEP_MISMATCH",
  });
  await expect(session.move("")).rejects.toMatchObject({
    reason: "INVALID_FIELD",
    violations: [{ field: "engine" }],
  });

  const run = session.run({ untilStep: 100_000_000 });
  await run.started;
  const env = { GROKBOX_SERVER: server.address };
  const moved = await grokbox(["move", session.name, "--engine", "webgpu", "--json"], env);
  expect([moved.status, moved.stderr]).toEqual([0, ""]);
  expect(JSON.parse(moved.stdout)).toMatchObject({ name: session.name, engine: "webgpu", state: "running" });
  gpu.lose();
  const { step } = await session.refresh();
  while ((await session.refresh()).step <= step);
  await session.pause();
  expect(session.info.events.map((event) => event.kind)).toEqual(["engine-moved", "engine-moved"]);

  const show = await grokbox(["show", session.name], env);
  expect(show.stdout).toContain("webgpu (moved there from cpu)");
  expect(show.stdout).toContain("moved from cpu to webgpu");
  const list = await grokbox(["list"], env);
  expect(list.stdout).toContain("webgpu");
  const info = await grokbox(["info"], env);
  expect(info.stdout).toMatch(/NETWORK +ENGINE +STEPS\/S/);
  expect(info.stdout).toMatch(/p 23, M 512 +webgpu +[\d,]+/);
  expect(info.stdout).toMatch(/webgpu +wasm .* of 67\.1 MB in use/);
  const auto = await grokbox(["move", session.name, "--engine", "auto"], env);
  expect(auto.status).toBe(0);
  const nowhere = await grokbox(["move", session.name, "--engine", "abacus"], env);
  expect(nowhere.stderr).toMatch(/--engine .*must be empty or one of auto, webgpu, cpu/);

  const metrics = await (await fetch(`http://${server.webAddress}/metrics`)).text();
  for (const line of [
    /^grokbox_engine_device_losses_total\{engine="webgpu"\} 1$/m,
    /^grokbox_engine_info\{engine="webgpu",variant="wasm",.*\} 1$/m,
    /^grokbox_engine_info\{engine="cpu",.*\} 1$/m,
    /^grokbox_engine_memory_limit_bytes\{engine="webgpu"\} 67108864$/m,
    /^grokbox_engine_sessions\{engine="cpu"\} 0$/m,
    /^grokbox_steps_total\{engine="webgpu"\} \d+$/m,
    /^grokbox_steps_total\{engine="cpu"\} \d+$/m,
  ])
    expect(metrics).toMatch(line);
});

test("all seeds of a sweep's cell train on one engine", async () => {
  const server = await serve();
  await using box = await Grokbox.connect(server.address);
  await using sweep = await box.sweep({
    base: { modulus: 7 },
    grid: { width: [16, 512] },
    seeds: [1, 2, 3],
    untilStep: 20,
    keepSessions: true,
  });
  const runs = await Array.fromAsync(sweep.runs());
  expect(runs).toHaveLength(6);
  const engines = new Map<number, Set<string>>();
  for (const { group, session } of runs) {
    const { engine, engineReason } = (await box.session(session!)).info;
    expect(engineReason).toMatch(/steps\/s/);
    engines.set(group, (engines.get(group) ?? new Set()).add(engine));
  }
  expect([...engines.values()].map(({ size }) => size)).toEqual([1, 1]);
});
