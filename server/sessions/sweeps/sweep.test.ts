import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test, vi } from "vitest";
import { GrokkingStep } from "../../model/grokking-step.ts";
import { initialState } from "../../model/initial-state.ts";
import { lottery } from "../../model/lottery.ts";
import { coordinatesOf, groupCount, runCount, specOf } from "../../model/sweep-grid.ts";
import { type EventRow, StoreError } from "../../store/store.ts";
import { openTestRegistry, type TestRegistryOptions, unrepeated } from "../testing/registry.ts";
import { curveMeasures, curveOf } from "./curve.ts";
import type { RunSummary } from "./summary.ts";
import { groupBands } from "./sweep-bands.ts";
import { Sweeps } from "./sweeps.ts";
import { type Box, definition, ended, finished, openBox, results, start } from "./testing/sweeps.ts";
import { watchSweep } from "./watch.ts";

const never = new AbortController().signal;
const boxes: Box[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const box of boxes.splice(0)) await box.close();
  for (const made of folders.splice(0)) rmSync(made, { recursive: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "grokbox-sweep-"));
  folders.push(made);
  return made;
}

async function open(options: TestRegistryOptions = {}): Promise<Box> {
  const box = await openBox(options);
  boxes.push(box);
  return box;
}

test("every run is summarized as the session that it was, and nothing else stays", async () => {
  const box = await open();
  const what = definition();
  const sweep = await start(box, what);
  await ended(sweep);
  expect(sweep.state).toBe("finished");
  expect([...box.registry.all()]).toEqual([]);
  const all = await results(box, sweep);
  expect(all).toHaveLength(6);
  for (const { run, outcome, steps, body, curve } of all) {
    const spec = specOf(what, run);
    const session = await box.registry.start({
      ...{ spec, preset: "grokking", labels: {}, engine: "", recordEvery: 10 },
    });
    await session.run(what.plan, undefined, never);
    await session.atRest;
    const points = await session.withLog((log) => log.read(1, 1_000));
    const { sequence: _, ...final } = points.at(-1)!;
    const grokking = new GrokkingStep();
    for (const { step, testAccuracy } of points) grokking.observe(step, testAccuracy);
    const begin = initialState(spec);
    const { theta } = (await session.present(undefined, never)).state;
    const { memorizationEnd, generalizationEnd } = session.training.stages;
    expect([outcome, steps]).toEqual(["target", 120]);
    expect(body).toEqual(
      JSON.parse(
        JSON.stringify({
          outcome: "target",
          detail: "reached step 120",
          step: 120,
          memorizationEnd,
          generalizationEnd,
          grokkingStep: grokking.step,
          final,
          forecastRight: lottery(begin, theta, 7).shareRight,
        } satisfies Record<keyof Omit<RunSummary, "session">, unknown>),
      ),
    );
    expect(sweep.grid).toEqual(points.map(({ step }) => step));
    expect([...curveOf(Buffer.from(curve, "hex"))]).toEqual(
      points.flatMap((point) => curveMeasures.map((measure) => point[measure] ?? Number.NaN)),
    );
  }
});

test("no more sessions train at a time than asked for, and lists don't show them unless told", async () => {
  const box = await open();
  const sweep = await start(box, definition({ maxParallel: 2 }));
  let most = 0;
  while (sweep.state === "running") {
    const sessions = [...box.registry.all()];
    most = Math.max(most, sessions.length);
    for (const { owner } of sessions) expect(owner).toBe(sweep.name);
    const filter = { states: [], labels: {} };
    const before = Number.POSITIVE_INFINITY;
    expect([...box.registry.list(filter, before)]).toEqual([]);
    expect([...box.registry.list({ ...filter, sweep: sweep.name }, before)]).toHaveLength(sessions.length);
    expect([...box.registry.list({ ...filter, sweep: "sweeps/-" }, before)]).toHaveLength(sessions.length);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(most).toBe(2);
});

test("stop conditions end runs early, and a run that diverges and one that can't begin are told of with why", async () => {
  const box = await open();
  const sweep = await start(
    box,
    definition({
      cells: {
        kind: "list",
        specs: [
          { preset: "grokking", input: { modulus: 7, width: 16 } },
          {
            preset: "",
            input: {
              modulus: 7,
              width: 16,
              activation: "x^8",
              init: { scale: 3 },
              optimizer: { kind: "sgd", learningRate: 900 },
            },
          },
          { preset: "", input: { modulus: 7, width: 16, activation: "exp", init: { scale: 1000 } } },
        ],
      },
      seeds: [1],
      plan: {
        ...definition().plan,
        stopWhen: [{ kind: "threshold", measure: "trainLoss", comparison: "<=", value: 100, forRecorded: 3 }],
      },
    }),
  );
  await ended(sweep);
  const all = await results(box, sweep);
  expect(all.map(({ outcome }) => outcome)).toEqual(["condition", "diverged", "diverged"]);
  expect(all[0]).toMatchObject({ steps: 30, body: { detail: "train_loss <= 100 for 3 recorded steps" } });
  expect((all[1]!.body as RunSummary).final?.step).toBe(all[1]!.steps);
  expect(all[2]).toMatchObject({ steps: 0, curve: "", body: { detail: expect.stringContaining("finite") } });
});

test("a cell that is none ends with its reason, and the others go on", async () => {
  const box = await open();
  const what = definition({ axes: [{ parameter: "modulus", values: [6, 7] }] });
  const sweep = await start(box, what);
  await ended(sweep);
  const all = await results(box, sweep);
  expect(all.map(({ outcome }) => outcome)).toEqual([
    ...Array(3).fill("invalid"),
    ...Array(3).fill("target"),
  ]);
  expect(all[0]!.body).toEqual({
    outcome: "invalid",
    detail: "modulus must be odd, 3 to 199; got 6",
    step: 0,
  });
});

test.each<[string, Parameters<typeof definition>[0]]>([
  [
    "an axis",
    { axes: [{ parameter: "learningRate", values: [1e-3, Number.NaN, Number.POSITIVE_INFINITY] }] },
  ],
  [
    "specs",
    {
      cells: {
        kind: "list",
        specs: [1e-3, Number.NaN, Number.NEGATIVE_INFINITY].map((learningRate) => ({
          preset: "grokking",
          input: { modulus: 7, width: 16, optimizer: { kind: "adamw", learningRate } },
        })),
      },
    },
  ],
])(
  "a number of %s that is not finite is wrong, and not the preset's, also when it comes from the store",
  async (_, changes) => {
    const directory = folder();
    const box = await openBox({ directory });
    const what = definition({ ...changes, seeds: [1], maxParallel: 1 });
    const { name } = await start(box, {
      ...what,
      plan: { ...what.plan, untilStep: 20_000, recordEvery: 1_000 },
    });
    await box.sweeps.get(name).pause();
    expect(box.sweeps.get(name).ledger.done).toBe(0);
    await box.close();
    const again = await openBox({ directory });
    boxes.push(again);
    const sweep = again.sweeps.get(name);
    await sweep.resume();
    await ended(sweep);
    const all = await results(again, sweep);
    expect(all.map(({ outcome }) => outcome)).toEqual(["target", "invalid", "invalid"]);
    const wrong = { detail: "optimizer.learning_rate must be greater than 0, at most 1000; got NaN" };
    expect(all.slice(1).map(({ body }) => body)).toMatchObject([wrong, wrong]);
    for (const { value } of coordinatesOf(sweep.definition.cells, 2)) expect(value).toBeNaN();
  },
);

test("a run that can't go on for its state is damaged keeps its session where sessions are to stay", async () => {
  const directory = folder();
  const box = await openBox({ directory });
  const plan = { ...definition().plan, untilStep: 1_000_000, recordEvery: 10_000 };
  const { name } = await start(box, definition({ plan, keepSessions: true, axes: [], seeds: [1] }));
  await expect.poll(() => box.sweeps.get(name).active[0]?.step ?? 0).toBeGreaterThan(0);
  await box.sweeps.get(name).pause();
  const { path } = box.registry.store;
  await box.close();
  const db = new DatabaseSync(path!);
  db.exec("UPDATE arrays SET data = zeroblob(length(data))");
  db.close();
  const again = await openBox({ directory });
  boxes.push(again);
  const sweep = again.sweeps.get(name);
  const [session] = sweep.active;
  await sweep.resume();
  await ended(sweep);
  const [run] = await results(again, sweep);
  expect(run).toMatchObject({ outcome: "failed", body: { session: session!.name } });
  expect([...again.registry.all()]).toEqual([session]);
  session!.checkFree();
});

test("a pause keeps everything, and runs that were paused end as if they had not been", async () => {
  const box = await open();
  const what = definition({
    plan: {
      ...definition().plan,
      untilStep: 20_000,
      recordEvery: 50,
      stopWhen: [
        { kind: "threshold", measure: "testAccuracy", comparison: ">=", value: 0.05, forRecorded: 250 },
      ],
    },
  });
  const straight = await start(box, what);
  await ended(straight);
  const sweep = await start(box, what);
  for (let i = 0; i < 6; i++) {
    await new Promise((resolve) => setTimeout(resolve, 15 * i));
    if (sweep.state !== "running") break;
    await sweep.pause();
    if (sweep.ledger.isComplete) break;
    expect(sweep.state).toBe("paused");
    const steps = sweep.active.map(({ step }) => step);
    expect([...box.registry.all()].every(({ isTraining }) => !isTraining)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(sweep.active.map(({ step }) => step)).toEqual(steps);
    await sweep.resume();
  }
  await ended(sweep);
  expect(await results(box, sweep)).toEqual(await results(box, straight));
});

test("a sweep that is started or resumed while the server ends is the next one's to do", async () => {
  for (const isResumed of [false, true]) {
    const box = await open();
    const sweep = isResumed ? await start(box, definition()) : undefined;
    await sweep?.pause();
    const done = sweep?.ledger.done ?? 0;
    const beginning = sweep === undefined ? start(box, definition()) : sweep.resume();
    // It is being stored.
    box.sweeps.stop();
    const begins = vi.spyOn(box.registry, "start");
    await box.registry.shutDown();
    await beginning;
    expect(begins).not.toHaveBeenCalled();
    await box.sweeps.shutDown();
    const [begun] = [...box.sweeps.list(Number.POSITIVE_INFINITY)];
    expect(begun!.state).toBe("running");
    expect(begun!.ledger.done).toBe(done);
  }
});

test("a cancelled sweep keeps what has finished, and no session", async () => {
  const box = await open();
  const sweep = await start(box, definition({ maxParallel: 1 }));
  await finished(sweep, 2);
  await sweep.cancel();
  const { done } = sweep.ledger;
  expect(sweep.state).toBe("cancelled");
  expect(await results(box, sweep)).toHaveLength(done);
  expect(done).toBeGreaterThanOrEqual(2);
  expect([...box.registry.all()]).toEqual([]);
  await expect(sweep.resume()).rejects.toMatchObject({
    reason: "SWEEP_STATE",
    metadata: { sweep: sweep.name, state: "cancelled", allowed_states: "running,paused" },
  });
});

test("a deleted sweep is gone with its runs; sessions that were to stay do", async () => {
  const box = await open();
  const sweep = await start(box, definition({ keepSessions: true, maxParallel: 1 }));
  await finished(sweep, 2);
  await box.sweeps.delete(sweep.name);
  expect(() => box.sweeps.get(sweep.name)).toThrow("does not exist");
  expect((await box.registry.store.loadSweeps()).sweeps).toEqual([]);
  const kept = [...box.registry.all()];
  expect(kept.length).toBeGreaterThanOrEqual(2);
  for (const session of kept) {
    expect([session.owner, session.step]).toEqual([undefined, 120]);
    session.checkFree();
  }
});

test("a session is its sweep's until its run has ended", async () => {
  const box = await open();
  const what = definition({ keepSessions: true, seeds: [1], axes: [] });
  const sweep = await start(box, { ...what, plan: { ...what.plan, untilStep: 50_000, recordEvery: 1_000 } });
  while (sweep.active.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const [session] = sweep.active;
  expect(() => session!.checkFree()).toThrow(expect.objectContaining({ reason: "SESSION_IN_SWEEP" }));
  await sweep.cancel();
});

test("where there is room for few sessions a sweep waits for it, and says so", async () => {
  const box = await open({ limits: { maxSessions: 2 } });
  const what = definition();
  const other = await box.registry.start({
    ...{ spec: specOf(what, 0), preset: "", labels: {}, engine: "", recordEvery: 10 },
  });
  const sweep = await start(box, what);
  while (sweep.waitsFor === "") await new Promise((resolve) => setTimeout(resolve, 1));
  expect(sweep.waitsFor).toContain("2 sessions already");
  await ended(sweep);
  expect([...box.registry.all()]).toEqual([other]);
  expect(await results(box, sweep)).toHaveLength(6);
});

test("runs that were paused, and whose memory others have meanwhile, wait for it", async () => {
  const plan = { ...definition().plan, untilStep: 30_000, recordEvery: 1_000 };
  const what = definition({ plan, maxParallel: 3, axes: [] });
  const straight = await start(await open(), what);
  const box = await open({ limits: { maxStateBytes: 420_000 } });
  const sweep = await start(box, what);
  while (sweep.active.length < 3 || sweep.active.some(({ step }) => step === 0))
    await new Promise((resolve) => setTimeout(resolve, 1));
  await sweep.pause();
  const others = [];
  for (let seed = 0; seed < 3; seed++) {
    const session = {
      spec: { ...specOf(what, 0), seed },
      preset: "",
      labels: {},
      engine: "",
      recordEvery: 10,
    };
    others.push(await box.registry.start(session));
    await others.at(-1)!.run({ ...plan, untilStep: 1e9 }, undefined, never);
  }
  await sweep.resume();
  while (sweep.waitsFor === "") await new Promise((resolve) => setTimeout(resolve, 1));
  expect(sweep.waitsFor).toContain("needs");
  for (const { name } of others) await box.registry.delete(name);
  await Promise.all([ended(sweep), ended(straight)]);
  expect(await results(box, sweep)).toEqual(await results(boxes[0]!, straight));
});

test("a sweep that is deleted or cancelled while the store takes little more is so, and the rest follows", async () => {
  const box = await open({ checkpointEveryMs: 20 });
  const plan = { ...definition().plan, untilStep: 1_000_000, recordEvery: 1_000 };
  const [one, other] = [await start(box, definition({ plan })), await start(box, definition({ plan }))];
  while (one.active.length + other.active.length < 8) await new Promise((resolve) => setTimeout(resolve, 1));
  const { store } = box.registry;
  const commit = store.commit.bind(store);
  const full = vi
    .spyOn(store, "commit")
    .mockImplementation((unit, transfer) =>
      unit.deleteSessions || unit.deleteSweeps || unit.deleteSweepRuns
        ? Promise.reject(new StoreError("FULL", "the disk is full"))
        : commit(unit, transfer),
    );
  await box.sweeps.delete(one.name);
  await other.cancel();
  expect([...box.sweeps.list(Number.POSITIVE_INFINITY)]).toEqual([other]);
  expect([other.state, other.active]).toEqual(["cancelled", []]);
  expect([...box.registry.all()]).toEqual([]);
  expect((await store.load()).sessions).toHaveLength(8);
  full.mockRestore();
  await box.sweeps.delete(other.name);
  await expect.poll(async () => (await store.load()).sessions).toEqual([]);
  await expect.poll(async () => (await store.loadSweeps()).sweeps).toEqual([]);
});

test("what can't be stored of a change has not happened, and nobody is told that it has", async () => {
  const box = await open();
  const plan = { ...definition().plan, untilStep: 1_000_000, recordEvery: 10_000 };
  const sweep = await start(box, definition({ plan }));
  const told: string[] = [];
  const watching = (async () => {
    for await (const event of watchSweep(box.sweeps, sweep, 1, never)) told.push(event.kind);
  })();
  const { store } = box.registry;
  const commit = store.commit.bind(store);
  let fails = Promise.withResolvers<never>();
  const full = vi
    .spyOn(store, "commit")
    .mockImplementation((unit, transfer) => (unit.putSweeps ? fails.promise : commit(unit, transfer)));
  const states = ["paused", "cancelled", "deleted"] as const;
  for (const [i, transition] of (["pause", "cancel", "delete"] as const).entries()) {
    fails = Promise.withResolvers<never>();
    const promised: string[] = [];
    const changing = sweep[transition]((state) => {
      promised.push(state);
      return undefined;
    });
    const failure = expect(changing).rejects.toMatchObject({ reason: "STORAGE_FULL" });
    await expect.poll(() => promised).toEqual([states[i]]);
    sweep.wake();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([sweep.state, told.includes("end")]).toEqual(["running", false]);
    fails.reject(new StoreError("FULL", "the disk is full"));
    await failure;
    expect(sweep.state).toBe("running");
  }
  full.mockRestore();
  await sweep.cancel();
  await watching;
  expect(told.at(-1)).toBe("end");
});

test("a watcher is told of every run once, in the order in which they finish, and can begin anywhere", async () => {
  const box = await open();
  const sweep = await start(box, definition());
  const seen = [];
  for await (const event of watchSweep(box.sweeps, sweep, 1, never)) {
    if (event.kind === "runs") seen.push(...event.rows);
    if (event.kind === "end") expect(event.reason).toBe("finished");
  }
  expect(seen.map(({ run }) => run).sort()).toEqual([0, 1, 2, 3, 4, 5]);
  expect(seen.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6]);
  const late = [];
  for await (const event of watchSweep(box.sweeps, sweep, 4, never)) {
    if (event.kind === "runs") late.push(...event.rows);
  }
  expect(late).toEqual(seen.slice(3));
});

test("bands are over the runs of a group, on the common grid", async () => {
  const box = await open();
  const what = definition();
  const sweep = await start(box, what);
  await ended(sweep);
  expect([groupCount(what.cells), runCount(what)]).toEqual([2, 6]);
  const all = await results(box, sweep);
  const { runs, bands } = await groupBands(box.sweeps, sweep, 1, never);
  expect(runs).toBe(3);
  expect(bands.map(({ measure }) => measure)).toEqual(curveMeasures);
  const losses = all
    .slice(3)
    .map(({ curve }) => curveOf(Buffer.from(curve, "hex"))[12 * curveMeasures.length]!)
    .sort((a, b) => a - b);
  expect(bands[0]!.points.at(-1)).toMatchObject({ step: 120, runs: 3, median: losses[1] });
});

test("time left is known once steps were made, and falls", async () => {
  const box = await open();
  const what = definition({ seeds: [1, 2, 3, 4, 5, 6, 7, 8] });
  const sweep = await start(box, { ...what, plan: { ...what.plan, untilStep: 20_000, recordEvery: 200 } });
  const timeLeft = async (below: number) => {
    for (;;) {
      const { secondsLeft, stepsPerSecond } = sweep.progress();
      if (secondsLeft !== undefined && secondsLeft < below) {
        expect(stepsPerSecond).toBeGreaterThan(0);
        expect(secondsLeft).toBeGreaterThan(0);
        return secondsLeft;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await timeLeft(await timeLeft(Number.POSITIVE_INFINITY));
  await sweep.cancel();
  expect(sweep.progress().secondsLeft).toBeUndefined();
});

test("while nothing can be stored a sweep waits, and goes on when it can be again", async () => {
  const box = await open({ maxEphemeralBytes: 3 * 2 ** 20 });
  const what = definition();
  const spec = { ...specOf(what, 0), width: 4_096 };
  const hoarder = await box.registry.start({
    ...{ spec, preset: "", labels: {}, engine: "", recordEvery: 10 },
  });
  // Snapshots of some 230 kB each, until there is no room for one more.
  for (let isFull = false; !isFull; ) {
    isFull = await hoarder.snapshot({ expectedStep: undefined, label: "" }, never).then(
      () => false,
      () => true,
    );
    const advance = { steps: 1, expectedStep: undefined, receipt: unrepeated() };
    if (!isFull) await hoarder.advanceBy(advance, never).catch(() => {});
  }
  const filler = Array.from({ length: 400 }, (_, i) => ({
    ...{ session: hoarder.id, step: i, timeMs: 0, kind: "filler", body: "x".repeat(2_000) },
  }));
  for (const event of filler) if (!(await stored(box, event))) break;
  // It is small; a session is not.
  const sweep = await start(box, what);
  while (sweep.waitsFor === "") await new Promise((resolve) => setTimeout(resolve, 5));
  expect(sweep.waitsFor).toContain("could not be stored");
  await box.registry.delete(hoarder.name);
  await ended(sweep);
  expect(sweep.waitsFor).toBe("");
  expect(await results(box, sweep)).toHaveLength(6);
});

async function stored({ registry }: Box, event: EventRow): Promise<boolean> {
  return registry.store.commit({ putEvents: [event] }).then(
    () => true,
    () => false,
  );
}

test("a sweep comes back on a full disk, where it can't be paused, which is no defect", async () => {
  const directory = folder();
  const before = await openBox({ directory });
  const { name } = await start(before, definition());
  await before.close();
  const registry = await openTestRegistry({ directory, threads: 1 });
  const defects: unknown[] = [];
  const sweeps = new Sweeps(registry, (error) => defects.push(error));
  boxes.push({ registry, sweeps, close: () => registry.shutDown().then(() => registry.close()) });
  await registry.restore({ resume: false });
  vi.spyOn(registry.store, "commit").mockRejectedValue(new StoreError("FULL", "the disk is full"));
  await sweeps.restore({ resume: false });
  expect(sweeps.get(name).state).toBe("running");
  expect(sweeps.get(name).active.filter(({ isTraining }) => isTraining)).toEqual([]);
  expect(defects).toEqual([]);
});
