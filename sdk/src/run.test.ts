import { ProgressEndReason } from "@grokbox/proto/progress";
import { SessionService, SessionState, StopKind } from "@grokbox/proto/session";
import { type RunRequest, TrainingService } from "@grokbox/proto/training";
import { expect, test } from "vitest";
import { batch, connect, end, gap, info, opened, session } from "./testing/messages.ts";
import { Failure, on, serve } from "./testing/scripted-server.ts";

const running = session({ state: SessionState.RUNNING, step: 500n, run: { untilStep: 900n } });
const { run, watchProgress } = TrainingService.method;

/** A server with a run of points 6 to 9, after 5 points before, that ends as told. */
async function runServer(stopKind: StopKind = StopKind.TARGET) {
  const runs: RunRequest[] = [];
  const watched: (bigint | undefined)[] = [];
  let over = false;
  const state = stopKind === StopKind.DIVERGED ? SessionState.DIVERGED : SessionState.IDLE;
  const server = await serve(
    info,
    on(SessionService.method.getSession, () => ({
      session: over ? session({ state, step: 900n, stopReason: { kind: stopKind, step: 900n } }) : running,
    })),
    on(run, (request) => {
      runs.push(request);
      return { session: running, newestSequence: 5n };
    }),
    on(watchProgress, async function* ({ fromSequence }) {
      watched.push(fromSequence);
      yield opened("e", 1, 5);
      if (fromSequence === 6n) {
        yield batch(6, 7);
        yield gap(8, 8);
        yield batch(9);
      }
      over = true;
      yield end(ProgressEndReason.IDLE);
    }),
  );
  return { server, runs, watched };
}

test("a run starts at once, with its plan", async () => {
  const { server, runs } = await runServer();
  await using _ = server;
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  const { started } = handle.run({
    untilStep: 900,
    snapshotAt: [600, 700],
    stopWhen: [{ measure: "testAccuracy", atLeast: 0.99, forRecorded: 3 }, { plateau: { lossDelta: 0.1 } }],
    recordEvery: 50,
    recordAt: [501],
    expectedStep: 500,
  });
  expect((await started).state).toBe("running");
  expect(handle.info.run).toMatchObject({ untilStep: 900 });
  expect(runs[0]).toMatchObject({
    session: "sessions/a",
    expectedStep: 500n,
    plan: { untilStep: 900n, snapshotAt: [600n, 700n], recordEvery: 50, recordAt: [501n] },
  });
  expect(runs[0]!.requestId).not.toBe("");
  expect(runs[0]!.plan!.stopWhen.map(({ condition }) => condition)).toMatchObject([
    { case: "threshold", value: { value: 0.99, forRecorded: 3 } },
    { case: "plateau", value: { lossDelta: 0.1 } },
  ]);
});

test("iterating a run gives its own points from the first on, each time, with gaps beside them", async () => {
  const { server, watched } = await runServer();
  await using _ = server;
  await using box = await connect(server.address);
  const started = (await box.session("sessions/a")).run({ untilStep: 900 });
  for (let time = 0; time < 2; time++) {
    const points = [];
    for await (const point of started) points.push([point.sequence, point.gapBefore]);
    expect(points).toEqual([
      [6, undefined],
      [7, undefined],
      [9, { kind: "gap", firstSequence: 8, lastSequence: 8 }],
    ]);
  }
  expect(watched).toEqual([6n, 6n]);
});

test("finished resolves to the session as the run left it", async () => {
  const { server } = await runServer();
  await using _ = server;
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  const final = await handle.run({ untilStep: 900 }).finished;
  expect(final).toMatchObject({ state: "idle", step: 900, stopReason: { kind: "target", step: 900 } });
  expect(handle.info).toBe(final);
});

test("a run that diverged is finished too, and says so", async () => {
  const { server } = await runServer(StopKind.DIVERGED);
  await using _ = server;
  await using box = await connect(server.address);
  const final = await (await box.session("sessions/a")).run().finished;
  expect(final).toMatchObject({ state: "diverged", stopReason: { kind: "diverged" } });
});

test("a run that can't start fails wherever it is looked at, and nowhere else", async () => {
  const script = on(run, () => {
    throw new Failure(10, "it is at step 7", { reason: "STEP_MISMATCH" });
  });
  const found = on(SessionService.method.getSession, () => ({ session: session() }));
  await using server = await serve(info, found, script);
  await using box = await connect(server.address);
  const failed = (await box.session("sessions/a")).run({ expectedStep: 5 });
  await new Promise((resolve) => setTimeout(resolve, 30));
  const mismatch = { reason: "STEP_MISMATCH" };
  await expect(failed.started).rejects.toMatchObject(mismatch);
  await expect(failed.finished).rejects.toMatchObject(mismatch);
  await expect(failed[Symbol.asyncIterator]().next()).rejects.toMatchObject(mismatch);
});

test("letting go of the handle ends the iteration, and finished fails with CANCELLED", async () => {
  const found = on(SessionService.method.getSession, () => ({ session: running }));
  const started = on(run, () => ({ session: running, newestSequence: 0n }));
  const endless = on(watchProgress, async function* () {
    yield opened("e", 1, 1);
    await new Promise(() => {});
  });
  await using server = await serve(info, found, started, endless);
  await using box = await connect(server.address, { heartbeatMs: 5_000 });
  let finished: Promise<unknown>;
  let next: Promise<unknown>;
  {
    await using handle = await box.session("sessions/a");
    const background = handle.run();
    finished = background.finished;
    next = background[Symbol.asyncIterator]().next();
    await background.started;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  await expect(finished).rejects.toMatchObject({ reason: "CANCELLED" });
  expect(await next).toEqual({ done: true, value: undefined });
});
