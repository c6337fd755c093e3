import { SessionService, type StartSessionRequest } from "@grokbox/proto/session";
import { SnapshotService } from "@grokbox/proto/snapshot";
import { Task } from "@grokbox/proto/spec";
import { expect, test } from "vitest";
import type { StartOptions } from "./start.ts";
import { connect, info, session } from "./testing/messages.ts";
import { on, serve } from "./testing/scripted-server.ts";

/** What a server is asked when a session is started so. */
async function requestOf(options: StartOptions): Promise<StartSessionRequest> {
  let seen: StartSessionRequest | undefined;
  const start = on(SessionService.method.startSession, (request) => {
    seen = request;
    return { session: session() };
  });
  const upload = on(SnapshotService.method.uploadWeights, async (requests) => {
    for await (const _ of requests);
    return { upload: "uploads/new" };
  });
  await using server = await serve(info, start, upload);
  await using box = await connect(server.address);
  await box.start(options);
  return seen!;
}

test("a preset and a seed", async () => {
  const request = await requestOf({ preset: "grokking", seed: 42 });
  expect(request).toMatchObject({ preset: "grokking", spec: { seed: 42 } });
  expect(request.spec!.optimizer).toBeUndefined();
  expect(request.requestId).toMatch(/^[0-9a-f-]{36}$/);
});

test("nothing at all leaves the spec to the server", async () => {
  const request = await requestOf({});
  expect(request).toMatchObject({ preset: "", engine: "", labels: {} });
  expect(request.spec).toBeUndefined();
  expect(request.recordEvery).toBeUndefined();
});

test("a whole spec", async () => {
  const request = await requestOf({
    modulus: 31,
    width: 931,
    activation: "x^2",
    task: "x^2+xy+y^2",
    init: { kind: "single-frequency", scale: 0.02 },
    optimizer: { kind: "sgd", learningRate: 0.1 },
    warmupSteps: 0,
    split: { kind: "explicit", trainPairs: [1, 2, 3] },
    labels: { by: "me" },
    engine: "cpu",
    recordEvery: 7,
    snapshotSchedule: { everySteps: 50 },
  });
  expect(request).toMatchObject({ labels: { by: "me" }, engine: "cpu", recordEvery: 7 });
  expect(request.snapshotSchedule).toMatchObject({ everySteps: 50n, powersOfTwo: false, atSteps: [] });
  expect(request.spec).toMatchObject({
    modulus: 31,
    width: 931,
    activation: "x^2",
    task: Task.QUADRATIC_FORM,
    init: { kind: { case: "singleFrequency", value: { scale: 0.02 } } },
    optimizer: { kind: { case: "sgd", value: { learningRate: 0.1 } } },
    schedule: { warmupSteps: 0 },
    split: { kind: { case: "explicit", value: { trainPairs: [1, 2, 3] } } },
  });
});

test.each([
  [{}, "adamw"],
  [{ preset: "grokking" }, "adamw"],
  [{ preset: "quad_single_freq" }, "sgd"],
  [{ preset: "grokking", optimizer: "sgd" as const }, "sgd"],
  [{ optimizer: { kind: "sgd" as const, weightDecay: 1 } }, "sgd"],
])("a learning rate of %j is one of %s", async (options, kind) => {
  const request = await requestOf({ ...options, learningRate: 1e-3 });
  expect(request.spec!.optimizer!.kind).toMatchObject({ case: kind, value: { learningRate: 1e-3 } });
});

test("a learning rate beside a preset that is not known here needs its optimizer", async () => {
  await expect(requestOf({ preset: "of the future", learningRate: 1 })).rejects.toMatchObject({
    reason: "INVALID_FIELD",
    violations: [{ field: "spec.optimizer.kind" }],
  });
});

test("a snapshot, by its name or as it was returned", async () => {
  const name = "sessions/b/snapshots/2200";
  for (const from of [name, { name, step: 2_200 }]) {
    const { weights } = await requestOf({ from });
    expect(weights).toEqual({ case: "snapshot", value: name });
  }
});

test("weights, uploaded already or not yet", async () => {
  const uploaded = await requestOf({ weights: { name: "uploads/old" } });
  expect(uploaded.weights).toEqual({ case: "upload", value: "uploads/old" });
  const theta = { data: new Float32Array(8 * 3), shape: [8, 3] };
  const fresh = await requestOf({ weights: { theta, xi: theta } });
  expect(fresh.weights).toEqual({ case: "upload", value: "uploads/new" });
  const file = await requestOf({ weights: { safetensors: new Uint8Array(9) } });
  expect(file.weights).toEqual({ case: "upload", value: "uploads/new" });
  await expect(requestOf({ weights: { safetensors: "a path" as never } })).rejects.toMatchObject({
    violations: [{ field: "weights.safetensors" }],
  });
  await expect(requestOf({ weights: { theta, xi: theta }, from: "sessions/b" })).rejects.toMatchObject({
    reason: "INVALID_FIELD",
  });
});

test.each([
  [{ modulus: 23.5 }, "spec.modulus"],
  [{ seed: -1 }, "spec.seed"],
  [{ weightDecay: "2" as never }, "spec.optimizer.adamw.weight_decay"],
  [{ recordEvery: 2 ** 32 }, "record_every"],
  [{ task: "multiply" as never }, "spec.task"],
  [{ split: { kind: "julia" as never } }, "spec.split.kind"],
])("%j can't be sent, and the error names %s", async (options, field) => {
  await expect(requestOf(options)).rejects.toMatchObject({
    reason: "INVALID_FIELD",
    violations: [{ field }],
  });
});
