import { afterAll, beforeAll, expect, test } from "vitest";
import { Grokbox } from "../sdk/src/mod.ts";
import type { RunningServer } from "../server/server.ts";
import { startTestServer } from "./testing/server.ts";

let server: RunningServer;
let box: Grokbox;

beforeAll(async () => {
  server = await startTestServer();
  box = await Grokbox.connect(server.address);
});
afterAll(async () => {
  box.close();
  await server.close();
});

const small = {
  preset: "grokking",
  modulus: 7,
  width: 16,
  embedding: { dimension: 5 },
  grokfast: { alpha: 0.9 },
} as const;

/**
 * The published run with a trained embedding, 5,000 steps with seed 42 at the standard run's settings: its notebook prints frequency and
 * magnitudes of the first twenty neurons. What another machine's rounding leads elsewhere is one neuron in twenty here.
 */
const published = {
  frequency: [9, 1, 4, 3, 10, 1, 5, 4, 4, 4, 1, 1, 1, 2, 10, 5, 8, 4, 8, 10],
  alpha: [
    1.01, 1.2, 1.14, 1.13, 1.15, 1.33, 1.19, 1.03, 1.05, 1.02, 1.2, 1.28, 1.23, 1.27, 1.4, 1.03, 1.06, 0.94,
    1.11, 1.45,
  ],
};

test("the learned embedding at p = 23 follows the published run, to accuracy 1 and a loss below 1e-6", async () => {
  await using session = await box.start({ embedding: {}, recordEvery: 500 });
  expect(session.info.spec).toMatchObject({
    width: 512,
    embedding: { dimension: 128 },
    optimizer: { kind: "adamw", learningRate: 5e-5, weightDecay: 0 },
  });
  await session.run({ untilStep: 5_000 }).finished;
  const { latest } = session.info;
  expect(latest).toMatchObject({ step: 5_000, trainAccuracy: 1 });
  expect(latest!.trainLoss).toBeLessThanOrEqual(1e-6);
  const { dominantFrequency, theta } = await session.spectrum({ neurons: { first: 0, count: 20 } });
  const same = published.frequency.flatMap((k, neuron) =>
    dominantFrequency.data[neuron] === k ? [neuron] : [],
  );
  expect(same.length).toBeGreaterThanOrEqual(18);
  for (const neuron of same) {
    const alpha = theta.magnitude.data[neuron * 11 + published.frequency[neuron]! - 1]!;
    expect(Math.abs(alpha / published.alpha[neuron]! - 1)).toBeLessThan(0.03);
  }
});

test("a spec with both options comes back as it was asked for, defaults filled in", async () => {
  await using session = await box.start(small);
  expect(session.info.spec.embedding).toEqual({ dimension: 5 });
  expect(session.info.spec.optimizer).toMatchObject({ kind: "adamw", grokfast: { alpha: 0.9, lambda: 2 } });
  await using sgd = await box.start({ preset: "quad_random_sgd", modulus: 7, width: 16, grokfast: {} });
  expect(sgd.info.spec.optimizer).toMatchObject({ kind: "sgd", grokfast: { alpha: 0.98, lambda: 2 } });
  expect(sgd.info.spec).not.toHaveProperty("embedding");
});

test("the spec of a session starts another one of it, and with another seed", async () => {
  const split = { kind: "torch", fraction: 0.5 } as const;
  await using session = await box.start({ ...small, warmupSteps: 3, split });
  const { spec } = session.info;
  expect(spec.schedule).toEqual({ warmupSteps: 3 });
  await using again = await box.start({ ...spec, seed: 7 });
  expect(again.info.spec).toEqual({ ...spec, seed: 7 });
});

test("what is downloaded, as arrays or as a file, starts a session that goes on with the same bits", async () => {
  await using session = await box.start(small);
  await session.step(20);
  const snapshot = await session.download();
  const { spec } = session.info;
  const safetensors = Buffer.concat(await Array.fromAsync(await session.export(20)));
  const expected = await session.step(20);
  expect(snapshot.factors!.embedding.shape).toEqual([5, 7]);
  expect(snapshot.factors!.projection.shape).toEqual([16, 5]);
  expect(snapshot.moments).not.toHaveProperty("thetaFirst");
  expect(snapshot.averages!.projectionAverage!.shape).toEqual([16, 5]);
  await using arrays = await box.start({
    ...{ preset: "grokking", grokfast: { alpha: 0.9 }, weights: snapshot },
  });
  expect(arrays.info).toMatchObject({
    step: 20,
    spec: { init: { kind: "uploaded" }, embedding: { dimension: 5 } },
  });
  await using file = await box.start({ weights: { safetensors } });
  expect(file.info.spec).toEqual(spec);
  for (const resumed of [arrays, file]) {
    const { trainLoss, parameterNorm, gradientNorm } = await resumed.step(20);
    expect([trainLoss, parameterNorm, gradientNorm]).toEqual([
      expected.trainLoss,
      expected.parameterNorm,
      expected.gradientNorm,
    ]);
  }
});

test("a theta that its factors don't make is refused, and so are factors or averages that the spec has no use for", async () => {
  await using session = await box.start(small);
  await session.step(5);
  const snapshot = await session.download();
  const { theta, xi, averages, factors } = snapshot;
  const other = { ...theta, data: theta.data.map((weight) => 2 * weight) };
  const refused = { code: "INVALID_ARGUMENT" };
  await expect(box.start({ weights: { theta: other, xi, factors } })).rejects.toMatchObject({
    ...refused,
    message: expect.stringContaining("must be projection times embedding"),
  });
  await expect(box.start({ weights: { theta, xi, factors, averages } })).rejects.toMatchObject({
    ...refused,
    message: expect.stringContaining("must have grokfast: the upload has its averages"),
  });
  await expect(box.start({ embedding: {}, weights: { theta, xi } })).rejects.toMatchObject({
    ...refused,
    message: expect.stringContaining("spec.embedding: must be left out: the upload has no embedding"),
  });
  await expect(
    box.start({ embedding: { dimension: 6 }, weights: { theta, xi, factors } }),
  ).rejects.toMatchObject({
    ...refused,
    message: expect.stringContaining("spec.embedding.dimension: must be the upload's 5"),
  });
  await expect(box.start({ init: { kind: "single-frequency" }, embedding: {} })).rejects.toMatchObject(
    refused,
  );
});

test("a fork turns Grokfast on and off, and says so", async () => {
  await using session = await box.start({ preset: "grokking", modulus: 7, width: 16 });
  await session.step(5);
  await using faster = await session.fork({ grokfast: {} });
  expect(faster.info.spec.optimizer).toMatchObject({ grokfast: { alpha: 0.98, lambda: 2 } });
  expect(faster.info.parent!.changes).toEqual({ optimizer: { kind: "adamw", grokfast: {} } });
  await faster.step(5);
  await using back = await faster.fork({ grokfast: { lambda: 0 } });
  expect(back.info.spec.optimizer).not.toHaveProperty("grokfast");
});

test("a sweep trains both", async () => {
  await using sweep = await box.sweep({
    specs: [{ ...small }, { preset: "grokking", modulus: 7, width: 16 }],
    seeds: [1, 2],
    untilStep: 50,
  });
  const runs = [];
  for await (const run of sweep.runs()) runs.push(run);
  expect(runs.map(({ outcome }) => outcome)).toEqual(new Array(4).fill("target"));
});
