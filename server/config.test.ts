import { afterEach, expect, test, vi } from "vitest";
import { parseConfig } from "./config.ts";

afterEach(() => void vi.unstubAllEnvs());

const dataOf = (...argv: string[]) => parseConfig(argv, "0").data;

test("where sessions are kept: a flag wins over the environment, and the user's state directory is the default", () => {
  vi.stubEnv("GROKBOX_EPHEMERAL", "");
  vi.stubEnv("XDG_STATE_HOME", "/state");
  expect(dataOf()).toBe("/state/grokbox");
  vi.stubEnv("XDG_STATE_HOME", "relative");
  vi.stubEnv("HOME", "/home/someone");
  expect(dataOf()).toBe("/home/someone/.local/state/grokbox");
  vi.stubEnv("GROKBOX_DATA", "/elsewhere");
  expect(dataOf()).toBe("/elsewhere");
  expect(dataOf("--ephemeral")).toBeUndefined();
  vi.stubEnv("GROKBOX_EPHEMERAL", "1");
  expect(dataOf()).toBeUndefined();
  expect(dataOf("--data", "/flag")).toBe("/flag");
});

test("sweeps are bounded by flags and the environment", () => {
  expect(parseConfig([], "0")).toMatchObject({ maxSweeps: 1_000, maxSweepRuns: 100_000 });
  vi.stubEnv("GROKBOX_MAX_SWEEPS", "5");
  expect(parseConfig(["--max-sweep-runs", "64"], "0")).toMatchObject({ maxSweeps: 5, maxSweepRuns: 64 });
});

test("flags win over the environment", () => {
  vi.stubEnv("GROKBOX_PORT", "1234");
  expect(parseConfig([], "0").port).toBe(1234);
  expect(parseConfig(["--port", "0"], "0").port).toBe(0);
});

test("which engines to offer: auto, or names in order of preference, from flags and the environment", () => {
  const parse = (...argv: string[]) => parseConfig(argv, "0");
  expect(parse()).toMatchObject({ engines: "auto", allowSoftware: false, gpuMemoryBytes: undefined });
  expect(parse("--engine", "webgpu, cpu", "--allow-software", "--gpu-memory", "8000000000")).toMatchObject({
    engines: ["webgpu", "cpu"],
    allowSoftware: true,
    gpuMemoryBytes: 8_000_000_000,
  });
  vi.stubEnv("GROKBOX_ENGINE", "tensorflow");
  vi.stubEnv("GROKBOX_ALLOW_SOFTWARE", "1");
  vi.stubEnv("GROKBOX_GPU_MEMORY", "1048576");
  expect(parse()).toMatchObject({ engines: ["tensorflow"], allowSoftware: true, gpuMemoryBytes: 2 ** 20 });
  expect(parse("--engine", "auto").engines).toBe("auto");
});

test("an IPv6 address may be in brackets, as the server prints it", () => {
  expect(parseConfig(["--host", "[::1]"], "0").host).toBe("::1");
  expect(parseConfig(["--host", "::1"], "0").host).toBe("::1");
  vi.stubEnv("GROKBOX_HOST", "[::1]");
  expect(parseConfig([], "0").host).toBe("::1");
});
