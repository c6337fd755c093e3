import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RunningServer, startServer } from "../server/server.ts";

const root = join(import.meta.dirname, "..");
let server: RunningServer;

beforeAll(async () => {
  server = await startServer({ port: 0, logLevel: "silent" });
});
afterAll(() => server.close());

/** Runs an example as it is printed, but for the address, in a process of its own. */
async function run(name: string): Promise<string> {
  const script = readFileSync(join(root, "clients/examples", name), "utf8");
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-"], {
    cwd: join(root, "clients"),
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.end(script.replace("localhost:50051", server.address));
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(errors).toBe("");
  return output;
}

test("the first script trains a network and shows what it learned", async () => {
  const output = await run("first-script.ts");
  expect(output).toContain("step 10000: loss 0.000001, accuracy 1");
  expect(output).toMatch(/neurons per frequency:( \d+){11} IPR: 0\.7/);
  expect(output).toMatch(/'abs'.*1 /);
});

test("the grokking script runs as printed: it leaves the loop at cleanup, and the run goes on", async () => {
  const output = await run("grokking.ts");
  const stages = [...output.matchAll(/^(\d+) [\d.e-]+ [\d.]+ (\w+)$/gm)].map(([, step, stage]) => ({
    step: Number(step),
    stage,
  }));
  expect(stages[0]).toEqual({ step: 100, stage: "memorization" });
  expect(stages.at(-1)!.stage).toBe("cleanup");
  expect(stages.at(-1)!.step).toBeLessThan(20_000);
  const [session] = server.registry.list({ states: [], labels: {} }, undefined, 1);
  expect(["running", "idle"]).toContain(session!.state);
});
