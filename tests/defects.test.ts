import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Worker } from "node:worker_threads";
import { AnalysisService } from "@grokbox/proto/analysis";
import { SessionService, SessionState, StopKind } from "@grokbox/proto/session";
import { SnapshotService } from "@grokbox/proto/snapshot";
import { TrainingService } from "@grokbox/proto/training";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { CpuTrainer } from "../server/engine/cpu/cpu-trainer.ts";
import type { RunningServer } from "../server/server.ts";
import { startTestServer } from "./testing/server.ts";
import { Wire } from "./testing/wire.ts";

const { startSession, getSession, listSessions, deleteSession } = SessionService.method;
const { step, run, swapActivation, watchProgress } = TrainingService.method;
const { spectrum } = AnalysisService.method;
const { snapshot } = SnapshotService.method;

type Advance = CpuTrainer["advance"];

let server: RunningServer;
let wire: Wire;
const workers: Worker[] = [];
const started = (message: unknown) => workers.push((message as { worker: Worker }).worker);

beforeAll(async () => {
  subscribe("worker_threads", started);
  server = await startTestServer();
  wire = new Wire(server.address);
});

afterEach(() => {
  vi.restoreAllMocks();
});

afterAll(async () => {
  wire.close();
  await server.close();
  unsubscribe("worker_threads", started);
});

const tiny = { modulus: 7, width: 16 };

async function start(spec: object = tiny): Promise<string> {
  const { session } = await wire.call(startSession, { spec });
  return session!.name;
}

async function seen(name: string) {
  const { session } = await wire.call(getSession, { name });
  return session!;
}

async function hashAt(name: string, expectedStep: bigint): Promise<Uint8Array> {
  const { snapshot: kept } = await wire.call(snapshot, { session: name, expectedStep });
  return kept!.manifest!.sha256;
}

async function idle(name: string): Promise<void> {
  for await (const _ of wire.stream(watchProgress, { session: name, untilIdle: true }));
}

/** Lets the engine's slices go wrong from now on, by what `how` does with the real engine's. */
function slices(how: (real: () => ReturnType<Advance>) => ReturnType<Advance>): void {
  const { advance } = CpuTrainer.prototype;
  vi.spyOn(CpuTrainer.prototype, "advance").mockImplementation(function (this: CpuTrainer, ...args) {
    return how(() => advance.apply(this, args));
  });
}

/** The same for the next slice alone. */
function nextSlice(how: (real: () => ReturnType<Advance>) => ReturnType<Advance>): void {
  slices((real) => {
    vi.restoreAllMocks();
    return how(real);
  });
}

const secret = "what only the log may say";
const defects: Record<string, (real: () => ReturnType<Advance>) => ReturnType<Advance>> = {
  "throws at once": () => {
    throw new Error(secret);
  },
  "fails before its first update": async () => {
    throw new Error(secret);
  },
  "fails after its last update": async (real) => {
    await real();
    throw new Error(secret);
  },
};

test.each(Object.keys(defects))(
  "a Step whose slice %s is INTERNAL, and the session is idle and goes on from where it is",
  async (what) => {
    const straight = await start();
    await wire.call(step, { session: straight, steps: 100n });
    const name = await start();
    await wire.call(step, { session: name, steps: 10n });
    nextSlice(defects[what]!);
    const failure = await wire.failure(step, { session: name, steps: 40n });
    expect(failure).toMatchObject({ code: "INTERNAL", metadata: { error_id: expect.any(String) } });
    expect(JSON.stringify(failure)).not.toContain(secret);
    const after = await seen(name);
    expect(after).toMatchObject({ state: SessionState.IDLE, stopReason: { kind: StopKind.FAILED } });
    expect(after.stopReason!.step).toBe(after.step);
    await wire.call(step, { session: name, steps: 100n - after.step });
    expect(await hashAt(name, 100n)).toEqual(await hashAt(straight, 100n));
  },
);

test.each(Object.keys(defects))(
  "a run whose slice %s stops and says so, and its watchers' streams end",
  async (what) => {
    const name = await start();
    nextSlice(defects[what]!);
    await wire.call(run, { session: name, plan: { untilStep: 1_000n } });
    await idle(name);
    const after = await seen(name);
    expect(after).toMatchObject({ state: SessionState.IDLE, stopReason: { kind: StopKind.FAILED } });
    expect(after.stopReason!.detail).not.toContain(secret);
    await wire.call(run, { session: name, plan: { untilStep: 2_000n } });
    await idle(name);
    expect(await seen(name)).toMatchObject({ step: 2_000n, stopReason: { kind: StopKind.TARGET } });
  },
);

test("a thread of analysis that dies fails the calls that wait for it, and the next call has a new one", async () => {
  // Large enough to be worth a thread.
  const name = await start({ modulus: 97, width: 512 });
  const busy = await start();
  await wire.call(run, { session: busy, plan: { untilStep: 1_000_000n } });
  const { thetaMagnitude } = await wire.call(spectrum, { name });
  const before = server.registry.memory.usedBytes;
  const count = (await wire.call(listSessions, {})).sessions.length;
  for (const call of [
    () => wire.failure(spectrum, { name }),
    () => wire.failure(startSession, { spec: { modulus: 97, width: 512 } }),
  ]) {
    const worker = workers.at(-1)!;
    const post = worker.postMessage.bind(worker);
    vi.spyOn(worker, "postMessage").mockImplementationOnce((message) => {
      post(message);
      void worker.terminate();
    });
    expect(await call()).toMatchObject({ code: "INTERNAL" });
    const again = await wire.call(spectrum, { name });
    expect(again.thetaMagnitude).toEqual(thetaMagnitude);
    expect(workers.at(-1)).not.toBe(worker);
  }
  expect(server.registry.memory.usedBytes).toBe(before);
  expect((await wire.call(listSessions, {})).sessions).toHaveLength(count);
  expect(await seen(busy)).toMatchObject({ state: SessionState.RUNNING });
  await wire.call(deleteSession, { name: busy });
});

/** Its loss soon diverges under x^8, and not under the identity. */
const explosive = {
  ...tiny,
  activation: "x^8",
  init: { kind: { case: "random", value: { scale: 3 } } },
  optimizer: { kind: { case: "sgd", value: { learningRate: 0.01 } } },
};

/** Swaps to the identity while the slice that diverges is under way; answers as `begin` does. */
async function swapWhileDiverging<T>(session: string, begin: () => Promise<T>): Promise<T> {
  const diverged = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  slices(async (real) => {
    const result = await real();
    if (result.diverged) {
      diverged.resolve();
      await release.promise;
    }
    return result;
  });
  try {
    const began = begin();
    await Promise.race([diverged.promise, began.then(() => diverged.promise)]);
    const swapped = wire.call(swapActivation, { session, activations: ["identity"] });
    // On one connection requests arrive in order.
    await seen(session);
    release.resolve();
    await swapped;
    return await began;
  } finally {
    release.resolve();
    vi.restoreAllMocks();
  }
}

test("a Step and a run go on under another activation that was asked for during the slice that diverged", async () => {
  const target = 100n;
  const straight = await start(explosive);
  const failure = await wire.failure(step, { session: straight, steps: target });
  expect(failure).toMatchObject({ code: "FAILED_PRECONDITION", reason: "DIVERGED" });
  const { state, step: last } = await seen(straight);
  expect(state).toBe(SessionState.DIVERGED);
  await wire.call(swapActivation, { session: straight, activations: ["identity"] });
  await wire.call(step, { session: straight, steps: target - last });

  const stepped = await start(explosive);
  const { point } = await swapWhileDiverging(stepped, () =>
    wire.call(step, { session: stepped, steps: target }),
  );
  expect(point!.step).toBe(target);

  const ran = await start(explosive);
  await swapWhileDiverging(ran, () => wire.call(run, { session: ran, plan: { untilStep: target } }));
  await idle(ran);

  const swapped = { case: "activationSwapped", value: { from: "x^8", to: "identity" } };
  for (const name of [stepped, ran]) {
    expect(await seen(name)).toMatchObject({
      state: SessionState.IDLE,
      step: target,
      spec: { activation: "identity" },
      stopReason: { kind: StopKind.TARGET },
      events: [{ step: last, event: swapped }],
    });
    expect(await hashAt(name, target)).toEqual(await hashAt(straight, target));
  }
});
