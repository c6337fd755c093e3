import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ServerService } from "@grokbox/proto/server";
import { SessionService } from "@grokbox/proto/session";
import { TrainingService } from "@grokbox/proto/training";
import { expect, test } from "vitest";
import { bin } from "./testing/grokbox.ts";
import { Wire } from "./testing/wire.ts";

const root = join(import.meta.dirname, "..");
const main = join(root, "server/main.ts");

async function serve(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ child: ChildProcess; address: string }> {
  const child = spawn(process.execPath, [main, "--port", "0", ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: child.stdout! })) {
    const ready = /is ready on (\S+)/.exec(line);
    if (ready !== null) {
      child.stdout!.resume();
      return { child, address: ready[1]! };
    }
  }
  throw new Error("the server ended before it was ready");
}

test("SIGTERM ends a server with a run and a watcher under way, in order and soon", async () => {
  const { child, address } = await serve([]);
  const wire = new Wire(address);
  const { session } = await wire.call(SessionService.method.startSession, { preset: "grokking" });
  await wire.call(TrainingService.method.run, { session: session!.name, plan: {} });
  const stream = wire.stream(TrainingService.method.watchProgress, { session: session!.name });
  const last: { kind: string | undefined } = { kind: undefined };
  stream.on("data", ({ event }) => {
    last.kind = event.case;
  });
  await once(stream, "data");
  const exited = once(child, "exit");
  const began = performance.now();
  child.kill("SIGTERM");
  await once(stream, "end");
  expect(last.kind).toBe("end");
  expect(await exited).toEqual([0, null]);
  expect(performance.now() - began).toBeLessThan(10_000);
  wire.close();
});

test("the server says which build of the engine it uses, and serves with WebAssembly when told to", async () => {
  const { child, address } = await serve([], { GROKBOX_CPU: "wasm", GROKBOX_THREADS: "1" });
  const wire = new Wire(address);
  const { engines } = await wire.call(ServerService.method.getServerInfo, {});
  expect(engines[0]).toMatchObject({
    name: "cpu",
    variant: "wasm",
    isa: expect.stringContaining("simd"),
    threads: 1,
  });
  const { session } = await wire.call(SessionService.method.startSession, { preset: "standard" });
  const { point } = await wire.call(TrainingService.method.step, { session: session!.name, steps: 20n });
  expect(point!.scores!.trainLoss).toBeCloseTo(3.13407, 4);
  wire.close();
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
});

test("an address beyond loopback is refused without --insecure, with what to do", () => {
  const { status, stderr } = spawnSync(process.execPath, [main, "--host", "0.0.0.0"], { encoding: "utf8" });
  expect(status).toBe(2);
  expect(stderr).toContain("--insecure");
});

test("GROKBOX_INSECURE switches off as well as on, and is refused when it is neither", () => {
  for (const value of ["0", "false", "", "perhaps"]) {
    const env = { ...process.env, GROKBOX_INSECURE: value };
    const { status, stderr } = spawnSync(process.execPath, [main, "--host", "0.0.0.0"], {
      encoding: "utf8",
      env,
      timeout: 20_000,
    });
    expect(status, value).toBe(2);
    expect(stderr).toContain(value === "perhaps" ? "GROKBOX_INSECURE must be" : "--insecure");
  }
});

test("flags that are wrong are refused by name", () => {
  for (const [flag, value] of [
    ["--port", "70000"],
    ["--threads", "many"],
    ["--cpu", "gpu"],
    ["--log-level", "loud"],
    ["--engine", "abacus"],
    ["--engine", "cpu,cpu"],
    ["--gpu-memory", "8GB"],
  ] as const) {
    const { status, stderr } = spawnSync(process.execPath, [main, flag, value], { encoding: "utf8" });
    expect(status).not.toBe(0);
    expect(stderr).toContain(flag);
  }
});

test("a port that is taken is named", async () => {
  const { child, address } = await serve([]);
  const port = address.split(":").at(-1)!;
  const { status, stderr } = spawnSync(process.execPath, [main, "--port", port], { encoding: "utf8" });
  expect(status).toBe(1);
  expect(stderr).toContain(`can't listen on 127.0.0.1:${port}`);
  child.kill("SIGTERM");
  await once(child, "exit");
});

test("what Node has compiled is kept in the user's own folder, by the server and by the command line", async () => {
  const folder = mkdtempSync(join(tmpdir(), "grokbox-cache-"));
  try {
    const kept = () =>
      readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile()).length;
    const { NODE_COMPILE_CACHE: _, ...own } = process.env;
    const env = { ...own, XDG_CACHE_HOME: folder, TMPDIR: folder };
    expect(spawnSync(bin, ["--version"], { env }).status).toBe(0);
    const ofCommandLine = kept();
    // Few, where it starts from its bundle.
    expect(ofCommandLine).toBeGreaterThan(0);
    const { child } = await serve(["--engine", "cpu"], { ...env, NODE_COMPILE_CACHE: "" });
    child.kill("SIGTERM");
    await once(child, "exit");
    expect(kept()).toBeGreaterThan(ofCommandLine + 50);
    expect(readdirSync(folder)).toEqual(["grokbox"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
