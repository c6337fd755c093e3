import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningServer } from "../server/server.ts";
import { hasPythonClient, python } from "./testing/python.ts";
import { startTestServer } from "./testing/server.ts";

const folder = join(import.meta.dirname, "../clients/python");
const files = readdirSync(join(folder, "tests")).filter((name) => /^test_\w+\.py$/.test(name));

describe.skipIf(!hasPythonClient)("the Python package, on Debian's python3-grpcio and python3-numpy", () => {
  let server: RunningServer;

  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.close());

  test.each(files)("%s", async (name) => {
    const { failed, output } = await unittest(`tests.${name.replace(/\.py$/, "")}`);
    expect(failed, output).toBe(false);
    expect(Number(/^Ran (\d+) tests? in/m.exec(output)?.[1]), output).toBeGreaterThan(0);
    expect(output).not.toContain("skipped");
  });

  function unittest(module: string): Promise<{ failed: boolean; output: string }> {
    const env = { ...process.env, GROKBOX_ADDRESS: server.address, PYTHONDONTWRITEBYTECODE: "1" };
    return new Promise((resolve) => {
      execFile(python, ["-m", "unittest", module], { cwd: folder, env }, (error, stdout, stderr) => {
        resolve({ failed: error !== null, output: stdout + stderr });
      });
    });
  }
});

/** Another protoc writes other code of the same meaning. */
const protoc = spawnSync("protoc", ["--version"], { encoding: "utf8" }).stdout ?? "";
const hasGenerator =
  protoc.startsWith("libprotoc 3.21.") &&
  spawnSync("sh", ["-c", "command -v grpc_python_plugin"]).status === 0;

test.skipIf(!hasGenerator)("its stubs are what Debian 12's protoc makes of the protos", () => {
  const fresh = mkdtempSync(join(tmpdir(), "grokbox-stubs-"));
  try {
    const { status, stderr } = spawnSync(join(folder, "generate.sh"), [fresh], { encoding: "utf8" });
    expect(status, stderr).toBe(0);
    const committed = sources(join(folder, "grokbox/_generated"));
    expect(committed.size).toBeGreaterThan(10);
    expect(committed).toEqual(sources(fresh));
  } finally {
    rmSync(fresh, { recursive: true });
  }
});

function sources(path: string): Map<string, string> {
  const names = readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".py"),
  );
  return new Map(names.sort().map((name) => [name, readFileSync(join(path, name), "utf8")]));
}
