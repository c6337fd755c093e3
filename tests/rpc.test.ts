import { createHash } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { AnalysisService } from "@grokbox/proto/analysis";
import { ProgressEndReason } from "@grokbox/proto/progress";
import { Comparison, Measure } from "@grokbox/proto/run";
import { ServerService } from "@grokbox/proto/server";
import { SessionService, SessionState, StopKind } from "@grokbox/proto/session";
import { SnapshotService, type UploadWeightsRequestSchema } from "@grokbox/proto/snapshot";
import { DataType } from "@grokbox/proto/tensor";
import { TrainingService, type WatchProgressResponse } from "@grokbox/proto/training";
import type { ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningServer } from "../server/server.ts";
import { startTestServer } from "./testing/server.ts";
import { readFailure, Wire } from "./testing/wire.ts";

const { startSession, getSession, listSessions, updateSession, forkSession, deleteSession } =
  SessionService.method;
const { step, run, pause, swapActivation, watchProgress } = TrainingService.method;
const { ablate, evaluate, spectrum } = AnalysisService.method;
const { snapshot, listSnapshots, deleteSnapshot, downloadSnapshot, uploadWeights } = SnapshotService.method;

let server: RunningServer;
let wire: Wire;

beforeAll(async () => {
  server = await startTestServer({ maxSessions: 100 });
  wire = new Wire(server.address);
});

afterAll(async () => {
  wire.close();
  await server.close();
});

async function start(spec: MessageInitShape<typeof startSession.input>["spec"] = { modulus: 7, width: 16 }) {
  const { session } = await wire.call(startSession, { preset: "grokking", spec });
  return session!;
}

test("StartSession answers with the complete spec: the preset, changed field by field", async () => {
  const { session } = await wire.call(startSession, {
    preset: "grokking",
    spec: {
      modulus: 31,
      activation: "quadratic",
      optimizer: { kind: { case: "adamw", value: { weightDecay: 0 } } },
    },
    labels: { owner: "anna" },
  });
  expect(session).toMatchObject({
    state: SessionState.IDLE,
    step: 0n,
    preset: "grokking",
    engine: "cpu",
    labels: { owner: "anna" },
    pairCounts: { train: 720, test: 241 },
    spec: {
      modulus: 31,
      width: 931,
      activation: "x^2",
      init: { kind: { case: "random", value: { scale: 0.1 } } },
      optimizer: {
        kind: {
          case: "adamw",
          value: { learningRate: 1e-4, weightDecay: 0, beta1: 0.9, beta2: 0.98, epsilon: 1e-8 },
        },
      },
      schedule: { warmupSteps: 10 },
      split: { kind: { case: "python", value: { fraction: 0.75 } } },
      seed: 42,
    },
  });
});

test("every wrong field of a request is named, with what it must be, and nothing is made", async () => {
  const before = (await wire.call(listSessions, { pageSize: 1000 })).sessions.length;
  const failure = await wire.failure(startSession, {
    requestId: "ü",
    preset: "nope",
    engine: "abacus",
    recordEvery: 0,
    labels: { Bad: "x" },
    spec: {
      modulus: 22,
      width: 4,
      activation: "tanh",
      init: { kind: { case: "random", value: { scale: Number.NaN } } },
      optimizer: { kind: { case: "adamw", value: { learningRate: -1, beta2: 1, epsilon: 0 } } },
      split: { kind: { case: "torch", value: { fraction: 2 } } },
    },
  });
  expect(failure).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" });
  expect(Object.keys(failure.violations).sort()).toEqual(
    [
      "request_id",
      "preset",
      "engine",
      "record_every",
      'labels["Bad"]',
      "spec.modulus",
      "spec.width",
      "spec.activation",
      "spec.init.random.scale",
      "spec.optimizer.adamw.learning_rate",
      "spec.optimizer.adamw.beta2",
      "spec.optimizer.adamw.epsilon",
      "spec.split.torch.fraction",
    ].sort(),
  );
  expect(failure.violations["spec.modulus"]).toContain("odd, 3 to 199; got 22");
  expect((await wire.call(listSessions, { pageSize: 1000 })).sessions).toHaveLength(before);
});

test("names that are no names and sessions that are not there are told apart", async () => {
  expect(await wire.failure(getSession, { name: "../etc" })).toMatchObject({
    code: "INVALID_ARGUMENT",
    violations: { name: 'must be sessions/{id}; got "../etc"' },
  });
  expect(await wire.failure(getSession, { name: "sessions/none" })).toMatchObject({
    code: "NOT_FOUND",
    reason: "SESSION_NOT_FOUND",
    metadata: { session: "sessions/none" },
  });
});

test("bytes that are no message are bad input, not a defect", async () => {
  const failure = await wire.failure(getSession, new Uint8Array([0x0a, 0xff, 0xff]));
  expect(failure).toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "INVALID_FIELD",
    violations: { request: "must be a grokbox.v1.GetSessionRequest; premature EOF" },
  });
});

test("a request that is larger than a message may be is refused with the limit", async () => {
  expect(await wire.failure(step, new Uint8Array(4 * 2 ** 20 + 1))).toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    reason: "MESSAGE_TOO_LARGE",
    metadata: { limit: "4194304" },
    message: "a message must be at most 4194304 bytes; weights are uploaded in chunks",
  });
});

test("Step advances, answers with the point reached, and keeps to expected_step", async () => {
  const { name } = await start();
  const answer = await wire.call(step, { session: name, steps: 5n, expectedStep: 0n });
  expect(answer.point).toMatchObject({ step: 5n, sequence: 2n });
  expect(answer.session).toMatchObject({
    step: 5n,
    state: SessionState.IDLE,
    stopReason: { kind: StopKind.TARGET },
  });
  expect(await wire.failure(step, { session: name, expectedStep: 4n })).toMatchObject({
    code: "ABORTED",
    reason: "STEP_MISMATCH",
    metadata: { expected_step: "4", step: "5" },
  });
  expect((await wire.call(getSession, { name })).session!.step).toBe(5n);
});

test("the same request id returns the stored answer, and is refused with another body", async () => {
  const { name } = await start();
  const request = { requestId: "once", session: name, steps: 3n };
  const first = await wire.call(step, request);
  expect(await wire.call(step, request)).toEqual(first);
  expect(await wire.failure(step, { ...request, steps: 4n })).toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "REQUEST_ID_REUSED",
  });
  expect((await wire.call(getSession, { name })).session!.step).toBe(3n);
});

test("a deadline stops a Step within a slice, keeps the steps made, and the same id makes the rest", async () => {
  const { name } = await start({ modulus: 23, width: 512 });
  const request = { requestId: "late", session: name, steps: 3000n };
  const began = performance.now();
  const failure = await wire.failure(step, request, { deadline: Date.now() + 100 });
  expect(failure.code).toBe("DEADLINE_EXCEEDED");
  const { session } = await wire.call(getSession, { name });
  expect(performance.now() - began).toBeLessThan(1_000);
  expect(Number(session!.step)).toBeGreaterThan(0);
  expect(Number(session!.step)).toBeLessThan(3000);
  const answer = await wire.call(step, request, { deadline: Date.now() + 60_000 });
  expect(answer.point!.step).toBe(3000n);
});

test("a deadline in a month, which is further than a timer reaches, is none that has passed", async () => {
  const { name } = await start({ modulus: 23, width: 512 });
  const deadline = Date.now() + 3_000_000_000;
  const { point } = await wire.call(step, { session: name, steps: 500n }, { deadline });
  expect(point!.step).toBe(500n);
});

test("a Step that was to begin somewhere, was cut short and is repeated goes on from where it came to, and from nowhere else", async () => {
  const { name } = await start({ modulus: 97, width: 512 });
  const request = { requestId: "interleaved", session: name, steps: 100_000n, expectedStep: 0n };
  const cut = async () => {
    const { code } = await wire.failure(step, request, { deadline: Date.now() + 300 });
    expect(code).toBe("DEADLINE_EXCEEDED");
    return server.registry.get(name).step;
  };
  const left = await cut();
  expect(await cut()).toBeGreaterThan(left);
  await wire.call(step, { session: name, steps: 3n });
  const { step: reached } = server.registry.get(name);
  expect(await wire.failure(step, request)).toMatchObject({ code: "ABORTED", reason: "STEP_MISMATCH" });
  expect(server.registry.get(name).step).toBe(reached);
});

test("a swap whose answer was lost is answered again for what it asked for, whatever came after it", async () => {
  const { name } = await start({ modulus: 97, width: 2_000 });
  const request = { requestId: "lost", session: name, activations: ["abs"] };
  const leave = new AbortController();
  const lost = wire.failure(swapActivation, request, { signal: leave.signal });
  while (server.registry.get(name).spec.activation !== "abs") await new Promise(setImmediate);
  leave.abort();
  expect((await lost).code).toBe("CANCELLED");
  await wire.call(swapActivation, { session: name, activations: ["x^2"] });
  const { scores } = await wire.call(swapActivation, request);
  expect(scores.map(({ activation }) => activation)).toEqual(["abs"]);
  const { scores: expected } = await wire.call(swapActivation, {
    ...{ session: name, activations: ["abs"], evaluateOnly: true },
  });
  expect(scores).toEqual(expected);
  expect(server.registry.get(name).spec.activation).toBe("x^2");
});

test("a fork that asks for another seed, modulus or width is refused, for 0 too", async () => {
  const { name } = await start();
  for (const field of ["seed", "modulus", "width"]) {
    const { violations } = await wire.failure(forkSession, {
      ...{ source: name, changes: { spec: { [field]: 0 } } },
    });
    expect(violations).toHaveProperty([`changes.spec.${field}`]);
  }
  // As what it is, and as nothing else besides.
  for (const [field, value] of Object.entries({ task: 9, init: { kind: { case: "uploaded" } } } as const)) {
    const spec = { [field]: value } as object;
    const { violations } = await wire.failure(forkSession, { source: name, changes: { spec } });
    expect(Object.keys(violations)).toEqual([`changes.spec.${field}`]);
  }
});

test("a fork for which there is no room keeps no snapshot either", async () => {
  const full = await startTestServer({ maxSessions: 1 });
  const only = new Wire(full.address);
  const { session } = await only.call(startSession, { spec: { modulus: 7, width: 16 } });
  expect(await only.failure(forkSession, { source: session!.name })).toMatchObject({
    reason: "TOO_MANY_SESSIONS",
  });
  expect(full.registry.get(session!.name).snapshots.size).toBe(0);
  only.close();
  await full.close();
});

test("weights whose loss is not finite under what is asked for change nothing, and say of which session if there is one", async () => {
  const wide = { modulus: 7, width: 16, init: { kind: { case: "random" as const, value: { scale: 1e3 } } } };
  const { name } = await start(wide);
  const refused = { code: "FAILED_PRECONDITION", reason: "DIVERGED" };
  const spec = { ...wide, activation: "exp" };
  const nobody = await wire.failure(startSession, { preset: "grokking", spec });
  expect(nobody).toMatchObject(refused);
  expect(nobody.metadata).toEqual({ step: "0" });
  const swapped = await wire.failure(swapActivation, { session: name, activations: ["exp"] });
  expect(swapped).toMatchObject({ ...refused, metadata: { session: name, step: "0" } });
  const forked = await wire.failure(forkSession, {
    source: name,
    changes: { spec: { activation: "exp" } },
  });
  expect(forked).toMatchObject(refused);
  expect(forked.metadata).toEqual({ step: "0" });
  expect(server.registry.get(name).snapshots.size).toBe(0);
  expect((await wire.call(getSession, { name })).session!.state).toBe(SessionState.IDLE);
});

test("a session is forked and kept whoever deletes its snapshots at the same time", async () => {
  const { name } = await start();
  const deleter = new Wire(server.address);
  let isDone = false;
  const deleting = (async () => {
    while (!isDone) {
      const { snapshots } = await deleter.call(listSnapshots, { session: name });
      for (const { name } of snapshots) await deleter.call(deleteSnapshot, { name }).catch(() => {});
    }
  })();
  try {
    for (let i = 0; i < 25; i++) {
      const kept = wire.call(snapshot, { session: name, label: String(i) });
      const { session } = await wire.call(forkSession, { source: name });
      await kept;
      await wire.call(deleteSession, { name: session!.name });
    }
  } finally {
    isDone = true;
    await deleting;
    deleter.close();
  }
});

test("two who set labels at once are together held to as many as a session has", async () => {
  const { name } = await start({ modulus: 23, width: 128 });
  await wire.call(run, { session: name, plan: {} });
  const labels = (of: string) => Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`${of}${i}`, ""]));
  const update = (of: string) =>
    wire.call(updateSession, {
      ...{ name, setLabels: labels(of), measureSchedule: { measures: [{ measure: Measure.IPR }] } },
    });
  const answers = await Promise.allSettled([update("a"), update("b")]);
  expect(answers.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(Object.keys(server.registry.get(name).labels)).toHaveLength(40);
  await wire.call(pause, { session: name });
});

test("cancelling a Step stops it, and the session is free for the next call", async () => {
  const { name } = await start({ modulus: 23, width: 512 });
  const controller = new AbortController();
  const cancelled = wire.failure(step, { session: name, steps: 1_000_000n }, { signal: controller.signal });
  setTimeout(() => controller.abort(), 50);
  expect((await cancelled).code).toBe("CANCELLED");
  const { point } = await wire.call(step, { session: name });
  expect(Number(point!.step)).toBeLessThan(1_000_000);
});

test("a run refuses steps that are passed and measures that the session doesn't have", async () => {
  const { session } = await wire.call(startSession, { preset: "standard", spec: { modulus: 7, width: 16 } });
  const { name } = session!;
  await wire.call(step, { session: name, steps: 10n });
  const threshold = { measure: Measure.TEST_ACCURACY, comparison: Comparison.AT_LEAST, value: 1 };
  const plan = {
    untilStep: 20n,
    snapshotAt: [5n, 15n],
    stopWhen: [{ condition: { case: "threshold" as const, value: threshold } }],
  };
  expect((await wire.failure(run, { session: name, plan })).violations).toEqual({
    "plan.stop_when[0].threshold.measure": expect.stringMatching(
      /^must be a measure that .*; got MEASURE_TEST_ACCURACY$/,
    ),
  });
  const steps = { untilStep: 20n, snapshotAt: [15n, 25n, 5n, 15n], recordAt: [99n, 11n, 3n] };
  expect((await wire.failure(run, { session: name, plan: steps })).violations).toEqual({
    "plan.snapshot_at[1]": "must be at most until_step 20; got 25",
    "plan.snapshot_at[2]": "must be greater than the session's step 10; got 5",
    "plan.record_at[0]": "must be at most until_step 20; got 99",
    "plan.record_at[2]": "must be greater than the session's step 10; got 3",
  });
  expect((await wire.call(getSession, { name })).session!.state).toBe(SessionState.IDLE);
});

test("Run answers with the session as it started, however soon the run ends", async () => {
  const { name } = await start();
  const value = { measure: Measure.TRAIN_LOSS, comparison: Comparison.AT_MOST, value: 1e9 };
  const plan = { stopWhen: [{ condition: { case: "threshold" as const, value } }], recordEvery: 1 };
  for (let i = 0; i < 50; i++) {
    const { session, newestSequence } = await wire.call(run, { session: name, plan });
    expect(session).toMatchObject({ state: SessionState.RUNNING, step: BigInt(i), run: plan });
    expect(newestSequence).toBe(BigInt(i + 1));
    const stream = wire.stream(watchProgress, { session: name, untilIdle: true });
    for await (const _ of stream as AsyncIterable<WatchProgressResponse>);
  }
});

test("a run goes on in the background, is watched, and is paused", async () => {
  const { name } = await start();
  await wire.call(run, { session: name, plan: { recordEvery: 1 } });
  const stream = wire.stream(watchProgress, { session: name, fromSequence: 1n });
  const sequences: bigint[] = [];
  for await (const { event } of stream as AsyncIterable<WatchProgressResponse>) {
    if (event.case === "batch") sequences.push(...event.value.points.map(({ sequence }) => sequence));
    if (sequences.length > 200) break;
  }
  expect(sequences).toEqual(sequences.map((_, i) => BigInt(i + 1)));
  expect(await wire.failure(step, { session: name })).toMatchObject({
    code: "FAILED_PRECONDITION",
    reason: "SESSION_STATE",
    metadata: { state: "running", allowed_states: "idle,paused" },
  });
  const paused = await wire.call(pause, { session: name });
  expect(paused.session).toMatchObject({ state: SessionState.PAUSED, stopReason: { kind: StopKind.PAUSED } });
});

test("sessions are listed newest first, in pages, by label and state", async () => {
  for (let i = 0; i < 3; i++) {
    const labels = { kind: "listed", i: String(i) };
    await wire.call(startSession, { preset: "grokking", spec: { modulus: 3, width: 8 }, labels });
  }
  const request = { labels: { kind: "listed" }, pageSize: 2, states: [SessionState.IDLE] };
  const first = await wire.call(listSessions, request);
  expect(first.sessions.map(({ labels }) => labels.i)).toEqual(["2", "1"]);
  const second = await wire.call(listSessions, { ...request, pageToken: first.nextPageToken });
  expect(second.sessions.map(({ labels }) => labels.i)).toEqual(["0"]);
  expect(second.nextPageToken).toBe("");
});

test("swapping with evaluate_only changes nothing; without it training goes on under the new activation", async () => {
  const { name } = await start();
  const table = await wire.call(swapActivation, {
    session: name,
    activations: ["abs", "x"],
    evaluateOnly: true,
  });
  expect(table.scores.map(({ activation }) => activation)).toEqual(["abs", "identity"]);
  expect((await wire.call(getSession, { name })).session!.spec!.activation).toBe("relu");
  const swapped = await wire.call(swapActivation, { session: name, activations: ["gelu"] });
  expect(swapped.session).toMatchObject({
    spec: { activation: "gelu" },
    events: [{ step: 0n, event: { case: "activationSwapped", value: { from: "relu", to: "gelu" } } }],
  });
  expect(
    (await wire.failure(swapActivation, { session: name, activations: ["x", "abs"] })).violations,
  ).toHaveProperty("activations");
});

test("Evaluate and Spectrum answer for the present state and for a snapshot", async () => {
  const { name } = await start();
  const kept = await wire.call(snapshot, { session: name });
  await wire.call(step, { session: name, steps: 50n });
  const now = await wire.call(evaluate, { name });
  const then = await wire.call(evaluate, { name: kept.snapshot!.name });
  expect([now.step, then.step]).toEqual([50n, 0n]);
  expect(now.scores!.trainLoss).not.toBe(then.scores!.trainLoss);
  const shapes = await wire.call(spectrum, { name, firstNeuron: 10, neuronCount: 4 });
  expect(shapes).toMatchObject({ thetaMagnitude: { shape: [4, 3] }, misalignment: { shape: [4] } });
  expect(shapes.neuronsPerFrequency.reduce((sum, n) => sum + n, 0)).toBe(16);
  expect((await wire.failure(spectrum, { name, firstNeuron: 16 })).violations).toHaveProperty("first_neuron");
});

test("an ablation that says nothing to do is named as the message that it is", async () => {
  const { name } = await start();
  const ablations = [{ change: { case: "project" as const, value: {} } }, {}];
  const { violations } = await wire.failure(ablate, { network: { case: "name", value: name }, ablations });
  expect(violations).toEqual({ "ablations[1]": "must say what to change" });
});

test("a downloaded snapshot has the bytes of its manifest, and starts a session when uploaded", async () => {
  const { name } = await start();
  await wire.call(step, { session: name, steps: 20n });
  const { snapshot: info } = await wire.call(snapshot, { session: name, expectedStep: 20n });
  const bytes: Uint8Array[] = [];
  for await (const { part } of wire.stream(downloadSnapshot, { name: info!.name })) {
    if (part.case === "chunk") bytes.push(part.value.data);
  }
  const data = Buffer.concat(bytes);
  expect(createHash("sha256").update(data).digest()).toEqual(Buffer.from(info!.manifest!.sha256));
  expect(data).toHaveLength(6 * 7 * 16 * 4);
  const { upload } = await wire.send(uploadWeights, messages(info!.manifest!, data, 20n));
  const { session } = await wire.call(startSession, {
    preset: "grokking",
    weights: { case: "upload", value: upload },
  });
  expect(session).toMatchObject({
    step: 20n,
    spec: { modulus: 7, width: 16, init: { kind: { case: "uploaded" } } },
  });
  const scores = await Promise.all([name, session!.name].map((each) => wire.call(evaluate, { name: each })));
  expect(scores[1]!.scores).toEqual(scores[0]!.scores);
  expect(await wire.failure(startSession, { weights: { case: "upload", value: upload } })).toMatchObject({
    reason: "UPLOAD_NOT_FOUND",
  });
});

test("uploads that are not what they say are refused and keep no memory", async () => {
  const used = server.registry.memory.usedBytes;
  const weights = new Float32Array(2 * 5 * 8).fill(0.5);
  const good = bytesOf(weights);
  const manifest = {
    tensors: ["theta", "xi"].map((name) => ({ name, dtype: DataType.FLOAT32, shape: [8, 5] })),
    totalBytes: 320n,
    sha256: createHash("sha256").update(good).digest(),
  };
  const refused = async (requests: readonly MessageInitShape<typeof UploadWeightsRequestSchema>[]) => {
    try {
      await wire.send(uploadWeights, requests);
    } catch (error) {
      return readFailure(error as ServiceError);
    }
    throw new Error("the upload was taken");
  };
  const nan = bytesOf(weights.map((value, i) => (i === 43 ? Number.NaN : value)));
  const nanManifest = { ...manifest, sha256: createHash("sha256").update(nan).digest() };
  const flipped = Buffer.from(good);
  flipped[7]! ^= 1;
  expect((await refused([])).violations).toHaveProperty("header");
  expect((await refused(messages(manifest, good.subarray(0, 300)))).reason).toBe("CHECKSUM_MISMATCH");
  expect((await refused(messages(manifest, flipped))).reason).toBe("CHECKSUM_MISMATCH");
  expect((await refused(messages(manifest, Buffer.concat([good, good])))).violations).toHaveProperty(
    "chunk.data",
  );
  expect((await refused(messages(nanManifest, nan))).violations).toHaveProperty("xi[0, 3]");
  expect((await refused(messages({ ...manifest, totalBytes: 321n }, good))).violations).toHaveProperty(
    "header.manifest.total_bytes",
  );
  expect((await refused(messages(manifest, good, 3n))).violations).toHaveProperty("header.step");
  expect(server.registry.memory.usedBytes).toBe(used);
});

test("deleting forgets a session, once", async () => {
  const { name } = await start();
  await wire.call(deleteSession, { name, requestId: "gone" });
  await wire.call(deleteSession, { name, requestId: "gone" });
  expect((await wire.failure(deleteSession, { name })).code).toBe("NOT_FOUND");
});

test("a client that never reads its stream does not hold up the server's end", async () => {
  const own = await startTestServer();
  const client = new Wire(own.address);
  const { session } = await client.call(startSession, {
    preset: "grokking",
    spec: { modulus: 7, width: 16 },
  });
  await client.call(run, { session: session!.name, plan: { recordEvery: 1 } });
  client.stream(watchProgress, { session: session!.name, fromSequence: 1n }).on("error", () => {});
  await client.call(step, { session: session!.name }).catch(() => {});
  const began = performance.now();
  await own.close();
  expect(performance.now() - began).toBeLessThan(10_000);
  client.close();
});

test("a watcher is told of the server's end, and a run has stopped at a whole step", async () => {
  const own = await startTestServer();
  const client = new Wire(own.address);
  const { session } = await client.call(startSession, {
    preset: "grokking",
    spec: { modulus: 7, width: 16 },
  });
  await client.call(run, { session: session!.name, plan: {} });
  const events: AsyncIterable<WatchProgressResponse> = client.stream(watchProgress, {
    session: session!.name,
  });
  const kinds: unknown[] = [];
  for await (const { event } of events) {
    if (kinds.length === 0) void own.close();
    kinds.push(event.case === "end" ? event.value.reason : event.case);
  }
  expect(kinds.at(0)).toBe("opened");
  expect(kinds.at(-1)).toBe(ProgressEndReason.SHUTDOWN);
  client.close();
});

test("an error of any text can be sent, and stays small", async () => {
  const failure = await wire.failure(getSession, { name: "😀".repeat(600) });
  expect(failure).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" });
  const labels = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`${i}語${"\u0001".repeat(200)}`, "言".repeat(300)]),
  );
  const error: ServiceError = await wire.call(startSession, { labels }).then(
    () => expect.unreachable(),
    (thrown) => thrown,
  );
  const [details] = error.metadata.get("grpc-status-details-bin");
  const sent = Buffer.from(details as Buffer).toString("base64").length + encodeURI(error.details).length;
  // What else the trailer has takes less than the rest.
  expect(sent).toBeLessThan(7_800);
  const many = readFailure(error);
  expect(many.code).toBe("INVALID_ARGUMENT");
  expect(Object.keys(many.violations).length).toBeGreaterThan(5);
  expect((await wire.call(ServerService.method.getServerInfo, {})).engines).toHaveLength(1);
});

test("pages go on after their last session was deleted, and stay below a message's size", async () => {
  const labels = { kind: "paged" };
  for (let i = 0; i < 9; i++) {
    await wire.call(startSession, { preset: "grokking", spec: { modulus: 3, width: 8 }, labels });
  }
  let seen = 0;
  for (let pageToken = ""; ; ) {
    const page = await wire.call(listSessions, { labels, pageSize: 2, pageToken });
    for (const { name } of page.sessions) await wire.call(deleteSession, { name });
    seen += page.sessions.length;
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  expect(seen).toBe(9);
  const trainPairs = Array.from({ length: 199 * 199 }, (_, i) => i);
  const spec = {
    modulus: 199,
    width: 8,
    split: { kind: { case: "explicit" as const, value: { trainPairs } } },
  };
  for (let i = 0; i < 35; i++) await wire.call(startSession, { spec, labels });
  const first = await wire.call(listSessions, { labels });
  expect(first.nextPageToken).not.toBe("");
  const rest = await wire.call(listSessions, { labels, pageToken: first.nextPageToken });
  expect(first.sessions.length + rest.sessions.length).toBe(35);
  for (const { name } of [...first.sessions, ...rest.sessions]) await wire.call(deleteSession, { name });
});

test("an upload is used once, also by two at the same time", async () => {
  const weights = bytesOf(new Float32Array(2 * 5 * 8).fill(0.5));
  const manifest = {
    tensors: ["theta", "xi"].map((name) => ({ name, dtype: DataType.FLOAT32, shape: [8, 5] })),
    totalBytes: 320n,
    sha256: createHash("sha256").update(weights).digest(),
  };
  const { upload } = await wire.send(uploadWeights, messages(manifest, weights));
  const request = { weights: { case: "upload" as const, value: upload } };
  const both = await Promise.allSettled([wire.call(startSession, request), wire.call(startSession, request)]);
  expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
});

test("GetServerInfo says what computes", async () => {
  const info = await wire.call(ServerService.method.getServerInfo, {});
  expect(info.engines[0]).toMatchObject({ name: "cpu", precision: "float32", deterministic: true });
  expect(info.presets.map(({ name }) => name)).toContain("grokking");
});

function messages(
  manifest: { tensors: readonly object[]; totalBytes: bigint; sha256: Uint8Array },
  data: Uint8Array,
  atStep?: bigint,
): MessageInitShape<typeof UploadWeightsRequestSchema>[] {
  const header = { manifest: manifest as never, ...(atStep === undefined ? {} : { step: atStep }) };
  const chunks = [];
  for (let offset = 0; offset < data.length; offset += 1000) {
    chunks.push({ offset: BigInt(offset), data: data.subarray(offset, offset + 1000) });
  }
  return [
    { part: { case: "header" as const, value: header } },
    ...chunks.map((value) => ({ part: { case: "chunk" as const, value } })),
  ];
}

function bytesOf(array: Float32Array): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}
