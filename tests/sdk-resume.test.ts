import { afterAll, beforeAll, expect, test } from "vitest";
import { Grokbox } from "../sdk/src/mod.ts";
import { relayTo } from "../sdk/src/testing/tcp-relay.ts";
import type { RunningServer } from "../server/server.ts";
import { startTestServer } from "./testing/server.ts";

let server: RunningServer;

beforeAll(async () => {
  server = await startTestServer({ retainedProgressPoints: 1_000 });
});
afterAll(() => server.close());

test("a run is watched without a hole over a connection that keeps breaking", async () => {
  await using relay = await relayTo(Number(server.address.split(":")[1]));
  await using box = await Grokbox.connect(relay.address, { backoff: { firstMs: 5, mostMs: 20 } });
  await using session = await box.start({ preset: "standard", recordEvery: 1 });
  const run = session.run({ untilStep: 900 });
  const steps = [];
  for await (const point of run) {
    expect(point.gapBefore).toBeUndefined();
    steps.push(point.step);
    if (point.step % 200 === 0) relay.cut();
  }
  expect(steps).toEqual(Array.from({ length: 900 }, (_, i) => i + 1));
  expect(relay.accepted).toBeGreaterThan(2);
  expect((await run.finished).stopReason?.kind).toBe("target");
});

test("calls that break are made once: the steps are neither lost nor made twice", async () => {
  await using relay = await relayTo(Number(server.address.split(":")[1]));
  await using box = await Grokbox.connect(relay.address, { backoff: { firstMs: 5, mostMs: 20 } });
  await using session = await box.start({ preset: "standard" });
  const cutting = setInterval(() => relay.cut(), 40);
  try {
    for (let done = 0; done < 2_000; done += 500) {
      const point = await session.step(500, { expectedStep: done });
      expect(point.step).toBe(done + 500);
    }
  } finally {
    clearInterval(cutting);
  }
  expect(relay.accepted).toBeGreaterThan(3);
});

test("a watcher that comes too late is shown what it missed", async () => {
  await using box = await Grokbox.connect(server.address);
  await using session = await box.start({ modulus: 5, width: 8, recordEvery: 1 });
  await session.run({ untilStep: 2_500 }).finished;
  const seen = [];
  for await (const event of session.watch({ from: 1, untilIdle: true })) seen.push(event);
  const [gap, ...points] = seen;
  // One point a step and one of step 0, of which the last 1,000 are retained.
  expect(gap).toEqual({ kind: "gap", firstSequence: 1, lastSequence: 1_501 });
  expect(points).toHaveLength(1_000);
  expect(points[0]).toMatchObject({ kind: "point", sequence: 1_502, step: 1_501 });
});

test("a run that is looked at after its session went back is told of that, and not shown another's points for its own", async () => {
  await using box = await Grokbox.connect(server.address);
  await using session = await box.start({ modulus: 5, width: 8, recordEvery: 1 });
  await session.run({ untilStep: 2 }).finished;
  await session.snapshot();
  const run = session.run({ untilStep: 12 });
  await run.finished;
  await session.restore(2);
  await session.run({ untilStep: 6 }).finished;
  const points = await Array.fromAsync(run);
  expect(points[0]!.resetBefore).toMatchObject({ kind: "reset" });
  expect(new Set(points.map(({ epoch }) => epoch))).toEqual(new Set([points[0]!.resetBefore!.epoch]));
});
