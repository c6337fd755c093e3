import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DescMethod, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { SessionService, SessionState } from "@grokbox/proto/session";
import { SnapshotService } from "@grokbox/proto/snapshot";
import { SweepService, SweepState } from "@grokbox/proto/sweep";
import { TrainingService } from "@grokbox/proto/training";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import type { RunningServer } from "../server/server.ts";
import { storeFile } from "../server/store/database.ts";
import { startTestServer } from "./testing/server.ts";
import { Wire } from "./testing/wire.ts";

const { startSession, updateSession, forkSession, deleteSession } = SessionService.method;
const { step, run, pause, setTriggers } = TrainingService.method;
const { snapshot, deleteSnapshot } = SnapshotService.method;
const { startSweep, pauseSweep, resumeSweep, cancelSweep } = SweepService.method;

const folders: string[] = [];
let server: RunningServer;
let wire: Wire;

beforeAll(async () => {
  server = await startTestServer({ data: folder() });
  wire = new Wire(server.address);
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(async () => {
  wire.close();
  await server.close();
  for (const each of folders) rmSync(each, { recursive: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "grokbox-answers-"));
  folders.push(made);
  return made;
}

/** What a server finds that starts after this one was killed now, with no commit under way. */
function afterCrash(): string {
  const directory = folder();
  const { path } = server.registry.store;
  for (const suffix of ["", "-wal"])
    copyFileSync(`${path}${suffix}`, join(directory, `${storeFile}${suffix}`));
  return directory;
}

const spec = { modulus: 7, width: 16 };

async function start(): Promise<string> {
  const { session } = await wire.call(startSession, { preset: "grokking", spec });
  return session!.name;
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 5_000) throw new Error("it never came to it");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

test("the same id is answered with the same bytes, by the same server and by the next one after a crash", async () => {
  const given: (() => Promise<readonly [what: string, was: string, now: string]>)[] = [];
  let to = wire;
  const ask = async <M extends DescMethod>(
    method: M,
    request: MessageInitShape<M["input"]>,
  ): Promise<MessageShape<M["output"]>> => {
    const whole = { ...request, requestId: `id ${given.length}` } as typeof request;
    const call = () => to.call(method, whole);
    const hex = (answer: MessageShape<M["output"]>) =>
      Buffer.from(toBinary(method.output, answer)).toString("hex");
    const answer = await call();
    given.push(async () => [method.name, hex(answer), hex(await call())]);
    return answer;
  };
  const { session } = await ask(startSession, { preset: "grokking", spec, labels: { b: "1", a: "2" } });
  expect(session!.durability).toMatchObject({ committedStep: 0n, alarm: "" });
  const { name } = session!;
  await ask(updateSession, { name, setLabels: { c: "3" } });
  await ask(setTriggers, { session: name });
  await ask(step, { session: name, steps: 7n });
  await ask(snapshot, { session: name, label: "seven" });
  const { session: fork } = await ask(forkSession, { source: name });
  expect(fork!.durability).toMatchObject({ committedStep: 7n });
  await ask(run, { session: fork!.name, plan: {} });
  await ask(updateSession, { name: fork!.name, setLabels: { d: "4" } });
  await until(() => server.registry.get(fork!.name).step > 100);
  const { session: paused } = await ask(pause, { session: fork!.name });
  expect(paused).toMatchObject({ state: SessionState.PAUSED, latest: { step: paused!.step } });
  await ask(deleteSnapshot, { name: `${name}/snapshots/7` });
  await ask(deleteSession, { name });
  const { sweep } = await ask(startSweep, {
    definition: {
      cells: { case: "grid", value: { preset: "grokking", base: spec } },
      seeds: [1, 2],
      plan: { untilStep: 1_000_000n, recordEvery: 10_000 },
    },
  });
  const all = { name: sweep!.name };
  await until(() => server.sweeps.get(all.name).stepsMade > 100);
  const { sweep: atRest } = await ask(pauseSweep, all);
  expect(atRest).toMatchObject({
    state: SweepState.PAUSED,
    steps: BigInt(server.sweeps.get(all.name).stepsMade),
  });
  await ask(resumeSweep, all);
  const { sweep: cancelled } = await ask(cancelSweep, all);
  expect(cancelled).toMatchObject({ state: SweepState.CANCELLED, sessions: [] });

  for (const again of given) {
    const [what, was, now] = await again();
    expect([what, now]).toEqual([what, was]);
  }
  const next = await startTestServer({ data: afterCrash(), resumeRuns: false });
  to = new Wire(next.address);
  try {
    for (const again of given) {
      const [what, was, now] = await again();
      expect([what, now]).toEqual([what, was]);
    }
  } finally {
    to.close();
    await next.close();
  }
});

test("Pause answers with the session at rest, though somebody else's Step has begun by then", async () => {
  const name = await start();
  const session = server.registry.get(name);
  await wire.call(run, { session: name, plan: {} });
  const { store } = server.registry;
  const commit = store.commit.bind(store);
  const { promise: hasSpace, resolve: give } = Promise.withResolvers<void>();
  vi.spyOn(store, "commit").mockImplementation(async (...unit) => {
    if (session.state !== "running") await hasSpace;
    return commit(...unit);
  });
  const pausing = wire.call(pause, { session: name });
  await until(() => session.state === "paused");
  const stepping = wire.call(step, { session: name, steps: 5n });
  await until(() => session.state === "stepping");
  give();
  const { session: paused } = await pausing;
  expect(paused).toMatchObject({ state: SessionState.PAUSED });
  const { point } = await stepping;
  expect(point!.step).toBe(paused!.step + 5n);
});
