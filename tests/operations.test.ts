import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import {
  Health,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus as Status,
} from "@grokbox/proto/health";
import { SessionService } from "@grokbox/proto/session";
import { FileFormat, SnapshotService } from "@grokbox/proto/snapshot";
import { TrainingService } from "@grokbox/proto/training";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { RunningServer } from "../server/server.ts";
import { startTestServer } from "./testing/server.ts";
import { readFailure, Wire } from "./testing/wire.ts";

const run = promisify(execFile);
const { startSession } = SessionService.method;
const { step } = TrainingService.method;
let server: RunningServer;
let wire: Wire;

beforeAll(async () => {
  server = await startTestServer();
  wire = new Wire(server.address);
});

afterAll(async () => {
  wire.close();
  await server.close();
});

const page = (path: string, init?: RequestInit) => fetch(`http://${server.webAddress}${path}`, init);

/** Every sample of the metrics page: its name with labels, and its value. */
async function metrics(): Promise<Map<string, number>> {
  const lines = (await (await page("/metrics")).text())
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(" ");
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

test("metrics count what was done, by name and unit, without a session's id", async () => {
  const before = await metrics();
  const { session } = await wire.call(startSession, { preset: "grokking", spec: { modulus: 7, width: 16 } });
  await wire.call(step, { session: session!.name, steps: 25n });
  await wire.failure(step, { session: session!.name, expectedStep: 1n });
  const after = await metrics();
  const grown = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0);
  expect(grown('grokbox_steps_total{engine="cpu"}')).toBe(25);
  expect(grown('grokbox_sessions{state="idle"}')).toBe(1);
  expect(grown('grokbox_rpc_seconds_count{method="grokbox.v1.TrainingService/Step",code="OK"}')).toBe(1);
  expect(grown('grokbox_rpc_seconds_count{method="grokbox.v1.TrainingService/Step",code="ABORTED"}')).toBe(1);
  expect(grown('grokbox_engine_busy_seconds_total{engine="cpu"}')).toBeGreaterThan(0);
  expect(grown("grokbox_state_bytes")).toBeGreaterThan(0);
  expect(after.get('grokbox_queue_depth{urgency="background"}')).toBe(0);
  expect([...after.keys()].filter((name) => name.includes("sessions/"))).toEqual([]);
});

test("calls that no handler gets are counted, too, and those of no method under one name", async () => {
  const before = await metrics();
  expect(await wire.failure(step, new Uint8Array(5 * 2 ** 20))).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  const call = (path: string) =>
    new Promise((resolve) => {
      const bytes = (value: Buffer) => value;
      wire.client.makeUnaryRequest(path, bytes, bytes, Buffer.alloc(0), (error) => resolve(error?.code));
    });
  expect(await call("/grokbox.v1.TrainingService/Nothing")).toBe(status.UNIMPLEMENTED);
  expect(await call("/nothing.v1.Nothing/Step")).toBe(status.UNIMPLEMENTED);
  const after = await metrics();
  const grown = (method: string, code: string) => {
    const name = `grokbox_rpc_seconds_count{method="${method}",code="${code}"}`;
    return (after.get(name) ?? 0) - (before.get(name) ?? 0);
  };
  expect(grown("grokbox.v1.TrainingService/Step", "RESOURCE_EXHAUSTED")).toBe(1);
  expect(grown("unknown", "UNIMPLEMENTED")).toBe(2);
  expect([...after.keys()].filter((name) => name.includes("othing"))).toEqual([]);
  const count = (samples: Map<string, number>) =>
    [...samples].reduce(
      (sum, [name, value]) => sum + (name.startsWith("grokbox_rpc_seconds_count") ? value : 0),
      0,
    );
  expect(count(after) - count(before)).toBe(3);
});

test("a store that can't tell how large it is leaves a scrape without that sample alone", async () => {
  const before = [...(await metrics()).keys()];
  const usage = vi.spyOn(server.registry.store, "usage").mockRejectedValue(new Error("its thread is gone"));
  try {
    const without = before.filter((name) => name !== "grokbox_store_bytes");
    expect([...(await metrics()).keys()]).toEqual(without);
  } finally {
    usage.mockRestore();
  }
  expect([...(await metrics()).keys()]).toEqual(before);
});

test("subscribers are counted while they follow", async () => {
  const { session } = await wire.call(startSession, { preset: "grokking", spec: { modulus: 7, width: 16 } });
  const stream = wire.stream(TrainingService.method.watchProgress, { session: session!.name });
  stream.on("error", () => {});
  await new Promise((resolve) => stream.once("data", resolve));
  expect((await metrics()).get("grokbox_subscribers")).toBe(1);
  stream.cancel();
  for (let i = 0; i < 100 && (await metrics()).get("grokbox_subscribers") !== 0; i++) await sleep(20);
  expect((await metrics()).get("grokbox_subscribers")).toBe(0);
});

test("the web port answers to supervisors, and refuses what it doesn't have", async () => {
  expect((await page("/healthz")).status).toBe(200);
  expect((await page("/readyz")).status).toBe(200);
  expect((await page("/nothing")).status).toBe(404);
  expect((await page("/__proto__")).status).toBe(404);
  expect((await page("/metrics", { method: "POST" })).status).toBe(405);
});

test.skipIf(!existsSync("/usr/bin/promtool"))("promtool finds nothing to say about the metrics", async () => {
  await wire.call(startSession, { preset: "grokking", spec: { modulus: 7, width: 16 } });
  const text = await (await page("/metrics")).text();
  const promtool = spawn("/usr/bin/promtool", ["check", "metrics"], { stdio: ["pipe", "pipe", "pipe"] });
  const said: Buffer[] = [];
  promtool.stdout.on("data", (data) => said.push(data));
  promtool.stderr.on("data", (data) => said.push(data));
  promtool.stdin.end(text);
  const code = await new Promise((resolve) => promtool.once("close", resolve));
  expect(Buffer.concat(said).toString()).toBe("");
  expect(code).toBe(0);
});

test.skipIf(!existsSync("/usr/bin/prometheus"))(
  "a real Prometheus scrapes the server and answers for every metric that is there",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "grokbox-prometheus-"));
    const config = join(folder, "prometheus.yml");
    const scrape = {
      job_name: "grokbox",
      scrape_interval: "1s",
      static_configs: [{ targets: [server.webAddress] }],
    };
    writeFileSync(config, JSON.stringify({ scrape_configs: [scrape] }));
    const port = 20_000 + Math.floor(Math.random() * 20_000);
    const prometheus = spawn(
      "/usr/bin/prometheus",
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: "ignore" },
    );
    try {
      const query = async (expression: string): Promise<unknown[]> => {
        // Not there, and then not ready, at first.
        const response = await fetch(
          `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`,
        ).catch(() => undefined);
        if (!response?.ok) return [];
        return ((await response.json()) as { data: { result: unknown[] } }).data.result;
      };
      for (let i = 0; i < 300 && (await query('up{job="grokbox"} == 1')).length === 0; i++) await sleep(100);
      const text: string = await (await page("/metrics")).text();
      const types = text.matchAll(/^# TYPE (\S+) (\S+)$/gm);
      for (const [, name, type] of types) {
        const sample = type === "histogram" ? `${name}_count` : name!;
        expect(await query(sample), sample).not.toEqual([]);
      }
    } finally {
      prometheus.kill("SIGKILL");
    }
  },
);

test("health is told for the server and each service, and Watch ends with the server", async () => {
  const own = await startTestServer();
  const client = new Wire(own.address);
  const { check, watch } = Health.method;
  expect((await client.call(check, {})).status).toBe(Status.SERVING);
  expect((await client.call(check, { service: "grokbox.v1.TrainingService" })).status).toBe(Status.SERVING);
  expect(await client.failure(check, { service: "nope" })).toMatchObject({ code: "NOT_FOUND" });
  const statuses: Status[] = [];
  for await (const { status } of client.stream(watch, {}) as AsyncIterable<HealthCheckResponse>) {
    if (statuses.length === 0) void own.close();
    statuses.push(status);
  }
  expect(statuses).toEqual([Status.SERVING, Status.NOT_SERVING]);
  client.close();
});

test("an upload that stalls ends with the server, and neither keeps it up nor is said to have left", async () => {
  const own = await startTestServer();
  const client = new Wire(own.address);
  const { call, answer } = client.upload(SnapshotService.method.uploadWeights);
  const file = { format: FileFormat.SAFETENSORS, totalBytes: 1_000n, sha256: new Uint8Array(32) };
  call.write({ part: { case: "header", value: { requestId: "stalled", file } } });
  const failed = answer.then(
    () => expect.fail("it succeeded"),
    (error) => readFailure(error),
  );
  await client.call(Health.method.check, {});
  const began = performance.now();
  await own.close();
  expect(performance.now() - began).toBeLessThan(2_500);
  expect(await failed).toMatchObject({ code: "UNAVAILABLE", reason: "SHUTTING_DOWN" });
  client.close();
});

test("buf curl finds services, calls and error details by reflection alone", async () => {
  const curl = async (...args: readonly string[]) =>
    run("buf", ["curl", "--protocol", "grpc", "--http2-prior-knowledge", ...args]);
  const url = `http://${server.address}`;
  const { stdout: methods } = await curl("--list-methods", url);
  expect(methods).toContain("grokbox.v1.TrainingService/WatchProgress");
  expect(methods).toContain("grpc.health.v1.Health/Check");
  const { stdout } = await curl(
    "-d",
    '{"preset":"standard","spec":{"width":8}}',
    `${url}/grokbox.v1.SessionService/StartSession`,
  );
  expect(JSON.parse(stdout).session).toMatchObject({
    state: "SESSION_STATE_IDLE",
    spec: { modulus: 23, width: 8 },
  });
  const refused = curl("-d", '{"name":"x"}', `${url}/grokbox.v1.SessionService/GetSession`);
  await expect(refused).rejects.toMatchObject({ stderr: expect.stringContaining("must be sessions/{id}") });
});
