import { afterEach, beforeEach, expect, test } from "vitest";
import { spectrum } from "../model/fourier.ts";
import { productError } from "../model/learned-embedding.ts";
import { arraysOf } from "../model/network-state.ts";
import { completeSpec } from "../model/presets.ts";
import { evaluate, evaluateAblated, subject } from "./analysis.ts";
import { unchanged } from "./changes.ts";
import type { Registry } from "./registry.ts";
import type { Session } from "./session.ts";
import { openTestRegistry, unrepeated } from "./testing/registry.ts";

const never = new AbortController().signal;
const spec = completeSpec(
  {
    modulus: 11,
    width: 32,
    split: { kind: "torch", fraction: 0.8 },
    embedding: { dimension: 9 },
    optimizer: { grokfast: { alpha: 0.9 } },
  },
  "grokking",
);
const input = { labels: {}, engine: "" };
let registry: Registry;

beforeEach(async () => {
  registry = await openTestRegistry({ threads: 1 });
});

afterEach(async () => {
  await registry.shutDown();
  await registry.close();
});

const start = () => registry.start({ ...input, spec, preset: "", recordEvery: 10 });
const advance = (session: Session, steps: number) =>
  session.advanceBy({ steps, expectedStep: undefined, receipt: unrepeated() }, never);
const present = (session: Session) => subject(registry, { session: session.name, step: undefined }, never);
const stateOf = async (session: Session) => (await present(session)).state;

async function started(steps: number): Promise<Session> {
  const session = await start();
  await advance(session, steps);
  await session.snapshot({ expectedStep: undefined, label: "" }, never);
  return session;
}

test("averages are there from the first update on", async () => {
  const session = await start();
  expect((await stateOf(session)).averages).toBeUndefined();
  await advance(session, 1);
  const { averages, moments, theta, factors } = await stateOf(session);
  expect(Object.keys(averages!).sort()).toEqual(["embeddingAverage", "projectionAverage", "xiAverage"]);
  expect(moments!.thetaFirst).toBeUndefined();
  expect(productError(theta, factors!, 11)).toBeLessThan(1e-6);
});

test("the norm of a point and of an evaluation is over W_E, W_in and xi", async () => {
  const session = await started(30);
  const network = await present(session);
  const { parameterNorm } = await evaluate(registry, network, false, never);
  expect(session.log.latest!.parameterNorm / parameterNorm).toBeCloseTo(1, 6);
});

test("theta and xi are ablated as those of any network", async () => {
  const session = await started(30);
  const network = await present(session);
  const whole = await evaluate(registry, network, false, never);
  const options = { activation: spec.activation, withGrids: false };
  const same = await evaluateAblated(registry, network, [], options, never);
  expect(same.scores.trainLoss).toBe(whole.whole.scores.trainLoss);
});

test("another activation goes on from the same factors, moments and averages", async () => {
  const session = await started(20);
  const before = await stateOf(session);
  await session.swapActivation("abs", 20, unrepeated(), never);
  expect(session.spec).toMatchObject({ activation: "abs", embedding: { dimension: 9 } });
  expect(arraysOf(await stateOf(session))).toEqual(arraysOf(before));
});

test("a fork without changes has the bits of its source, and one without Grokfast no averages", async () => {
  const session = await started(20);
  await advance(session, 20);
  const same = await registry.fork(session, 20, { ...input, changes: unchanged });
  await advance(same, 20);
  expect(arraysOf(await stateOf(same))).toEqual(arraysOf(await stateOf(session)));
  const plain = await registry.fork(session, 20, {
    ...input,
    changes: { ...unchanged, spec: { optimizer: { grokfast: { lambda: 0 } } } },
  });
  expect(plain.spec.optimizer).not.toHaveProperty("grokfast");
  const { averages, moments } = await stateOf(plain);
  expect(averages).toBeUndefined();
  expect(moments!.embeddingSecond).toEqual((await session.readSnapshot(20)).state.moments!.embeddingSecond);
});

test("a frequency taken out of a fork is taken out of W_E, and so of theta", async () => {
  const session = await started(20);
  const changes = { ...unchanged, removeFrequencies: [2, 3] };
  const fork = await registry.fork(session, 20, { ...input, changes });
  const { theta, xi, factors } = await stateOf(fork);
  const { state } = await session.readSnapshot(20);
  expect(factors!.projection).toEqual(state.factors!.projection);
  for (const rows of [theta, xi, factors!.embedding]) {
    const { magnitude } = spectrum(rows, 11);
    const largest = Math.max(...magnitude);
    for (let row = 0; row < magnitude.length; row += 5) {
      expect(magnitude[row + 1]! / largest).toBeLessThan(1e-5);
      expect(magnitude[row + 2]! / largest).toBeLessThan(1e-5);
    }
  }
});

test("an engine that lacks an option is refused with the reason, and with both", async () => {
  const [{ engine }] = registry.engines as [(typeof registry.engines)[0]];
  Object.assign(engine, { lacks: ["embedding", "grokfast"] });
  await expect(start()).rejects.toMatchObject({
    reason: "INVALID_FIELD",
    violations: [
      { field: "engine", description: "must be another one: cpu has no learned embedding and Grokfast" },
    ],
  });
  expect([...registry.all()]).toEqual([]);
  const plain = completeSpec({ modulus: 11, width: 32 }, "grokking");
  await registry.start({ ...input, spec: plain, preset: "", recordEvery: 10 });
});
