import { afterAll, beforeAll, expect, test } from "vitest";
import { Grokbox, GrokboxError, type Session, type StartOptions, waves } from "../sdk/src/mod.ts";
import { idealNetwork } from "../server/model/ideal-network.ts";
import type { RunningServer } from "../server/server.ts";
import { startTestServer } from "./testing/server.ts";

const spec: StartOptions = {
  modulus: 11,
  width: 64,
  activation: "x^2",
  split: { kind: "torch", fraction: 0.8 },
  learningRate: 2e-3,
};
let server: RunningServer;
let box: Grokbox;
let session: Session;

beforeAll(async () => {
  server = await startTestServer();
  box = await Grokbox.connect(server.address);
  session = await box.start({ ...spec, snapshotSchedule: { everySteps: 100, retain: 100 } });
  await session.snapshot();
  await session.run({ untilStep: 500 }).finished;
});

afterAll(async () => {
  await box[Symbol.asyncDispose]();
  await server.close();
});

const violations = (call: Promise<unknown>) =>
  call.then(
    () => expect.unreachable("it was taken"),
    (error) => {
      expect(error).toBeInstanceOf(GrokboxError);
      return (error as GrokboxError).violations.map(({ field }) => field);
    },
  );

test("a spectrum of chosen neurons has their coefficients in the order asked for, and means over all", async () => {
  const whole = await session.spectrum();
  const some = await session.spectrum({ neurons: [9, 3] });
  expect(some.neurons).toEqual([9, 3]);
  expect([...some.theta.magnitude.data]).toEqual([
    ...whole.theta.magnitude.data.subarray(45, 50),
    ...whole.theta.magnitude.data.subarray(15, 20),
  ]);
  expect([...some.xi.cosineFit.data]).toEqual([whole.xi.cosineFit.data[9], whole.xi.cosineFit.data[3]]);
  expect(some.groups).toEqual(whole.groups);
  expect(whole.groups.map(({ neurons }) => neurons)).toEqual(whole.neuronsPerFrequency);
  expect(whole.theta.meanCosineFit).toBeGreaterThan(0.3);
  expect(whole.theta.harmonicLeakage.map(({ order }) => order)).toEqual([2, 3, 4, 5, 6, 7]);
  expect(await violations(session.spectrum({ neurons: [64] }))).toEqual(["neurons[0]"]);
});

test("grids have the accuracies of the evaluation, and the plateau is what symmetry brings", async () => {
  const { scores, accuracy, grids, predictedPlateau } = await session.evaluate({ grids: true });
  const right = grids!.correct.data.reduce((sum, correct) => sum + correct, 0);
  expect(right / 121).toBeCloseTo(accuracy, 12);
  const held = [...grids!.pairClass.data.keys()].filter((pair) => grids!.pairClass.data[pair] === 3);
  const share = held.reduce((sum, pair) => sum + grids!.correct.data[pair]!, 0) / held.length;
  expect(share).toBeCloseTo(scores.accuracy.heldOut!, 12);
  const partners = grids!.pairClass.data.filter((pairClass) => pairClass === 2).length;
  expect(predictedPlateau).toBeCloseTo(partners / (partners + held.length), 12);
  expect((await session.evaluate()).grids).toBeUndefined();
  await using other = await box.start({ ...spec, task: "subtract" });
  expect((await other.evaluate()).predictedPlateau).toBe(0);
});

test("logits come for all pairs or some, in either order, with their voting", async () => {
  const all = await session.logits();
  expect(all.logits.shape).toEqual([66, 11]);
  const row = all.pairs.findIndex(([x, y]) => x === 2 && y === 7);
  const some = await session.logits({
    pairs: [
      [7, 2],
      [0, 0],
    ],
    worstPairs: 3,
  });
  expect([...some.logits.data.subarray(0, 11)]).toEqual([
    ...all.logits.data.subarray(11 * row, 11 * row + 11),
  ]);
  expect(some.voting!.worstPairs).toHaveLength(3);
  const { correct, spurious, background, rSquared } = all.voting!;
  expect(correct).toBeGreaterThan(spurious);
  expect(spurious).toBeGreaterThan(background!);
  expect(rSquared).toBeLessThan(1);
  expect(all.projected!.spuriousRatio).toBeCloseTo(0.5, 6);
  expect(all.votes.map(({ neurons }) => neurons)).toEqual((await session.spectrum()).neuronsPerFrequency);
  expect(all.theory!.spurious).toBeCloseTo(all.theory!.unit * (11 / 4 - 1), 9);
  expect((await session.logits({ activation: "identity", pairs: [] })).activation).toBe("identity");
  expect(await violations(session.logits({ pairs: [[0, 11]] }))).toEqual(["pairs[0].y"]);
  expect(await violations(session.logits({ activation: "sine" }))).toEqual(["activation"]);
  await using other = await box.start({ modulus: 5, width: 16, task: "subtract" });
  expect((await other.logits()).voting).toBeUndefined();
});

test("a theory is of a network that adds and that votes for the sum; votes against it are negative", async () => {
  const ideal = idealNetwork({ modulus: 5, frequencies: [1, 2], neurons: 10 });
  const tensor = (layer: Float64Array) => ({ data: Float32Array.from(layer), shape: [10, 5] });
  const ofWeights = async (task: "add" | "subtract", sign: 1 | -1) => {
    const weights = { theta: tensor(ideal.theta), xi: tensor(ideal.xi.map((w) => sign * w)) };
    await using started = await box.start({ modulus: 5, width: 10, activation: "x^2", task, weights });
    const { votes, theory } = await started.logits({ pairs: [] });
    return { signals: votes.map(({ signal }) => Math.round(1e5 * signal) / 1e5), unit: theory?.unit };
  };
  expect(await ofWeights("add", 1)).toEqual({ signals: [5, 5], unit: expect.closeTo(2.5, 5) });
  expect(await ofWeights("add", -1)).toEqual({ signals: [-5, -5], unit: undefined });
  expect(await ofWeights("subtract", 1)).toEqual({ signals: [5, 5], unit: undefined });
});

test("ablations change a copy, one after the other, and the session keeps every bit", async () => {
  const before = await session.download();
  const whole = await session.ablate([]);
  const { accuracy, loss, parameterNorm } = await session.evaluate();
  expect(whole).toMatchObject({ accuracy, loss, width: 64 });
  expect(whole.parameterNorm).toBeCloseTo(parameterNorm, 9);
  const projected = await session.ablate([{ project: true }]);
  expect(projected.scores).toEqual((await session.evaluate()).dominantOnly);
  const gone = await session.ablate([{ removeFrequencies: [1, 2, 3, 4, 5] }, { keepNeurons: [0, 5] }], {
    grids: true,
  });
  expect(gone.width).toBe(2);
  expect(gone.accuracy).toBeLessThan(0.2);
  expect(gone.grids!.correct.shape).toEqual([11, 11]);
  const spread = await session.ablate([{ spreadPhases: 2 * Math.PI }, { scale: { xi: 2 } }]);
  expect(spread.parameterNorm).toBeGreaterThan(parameterNorm);
  expect(
    await violations(session.ablate([{ removeFrequencies: [6] }, { keepNeurons: [] }, { spreadPhases: 0 }])),
  ).toEqual([
    "ablations[0].remove_frequencies.frequencies[0]",
    "ablations[1].keep_neurons.neurons",
    "ablations[2].spread_phases.range",
  ]);
  expect(await violations(session.ablate([{ restrictPhases: { center: 0.1, range: 1e-12 } }]))).toEqual([
    "ablations",
  ]);
  const restricted = { restrictPhases: { center: 0, range: Math.PI } };
  const { width } = await session.ablate([restricted]);
  expect(width).toBeLessThan(64);
  for (const [ablation, list] of [
    [{ removeNeurons: [width] }, "remove_neurons"],
    [{ keepNeurons: [width] }, "keep_neurons"],
  ] as const) {
    const wrong = await violations(session.ablate([restricted, ablation]));
    expect(wrong).toEqual([`ablations[1].${list}.neurons[0]`]);
  }
  expect((await session.download()).theta.data).toEqual(before.theta.data);
});

test("ideal networks have REFERENCE's losses", async () => {
  const loss = async (phaseRange: number) =>
    (await box.ablateIdeal({ modulus: 23, width: 128, phaseRange: phaseRange * Math.PI })).loss!;
  expect((await loss(2)).toExponential(3)).toBe("5.934e-15");
  expect((await loss(1.2)).toExponential(2)).toBe("1.19e-9");
  const half = await box.ablateIdeal({ modulus: 23, width: 128 }, [
    { restrictPhases: { center: 0, range: 3 } },
  ]);
  expect(half.loss).toBeGreaterThan(1e-12);
  expect(await violations(box.ablateIdeal({ modulus: 22, width: 3, frequencies: [1, 1] }))).toContain(
    "ideal.modulus",
  );
});

test("a lottery forecasts from step 0 as the spec draws it, or from a snapshot, and tells the race", async () => {
  const drawn = await session.lottery({ neurons: [4, 0], raceAt: [0, 300, 500] });
  const { forecast, actual, confidence, shareRight, race } = drawn;
  expect(drawn).toMatchObject({ step: 500, beginStep: 0 });
  const right = forecast.data.filter((k, m) => k === actual.data[m]).length;
  expect(shareRight).toBe(right / 64);
  expect(shareRight).toBeGreaterThan(0.4);
  expect(Math.min(...confidence.data)).toBeGreaterThanOrEqual(0);
  const kept = await session.lottery({ begin: `${session.name}/snapshots/0` });
  expect(kept.forecast).toEqual(forecast);
  expect(race.map(({ step }) => step)).toEqual([0, 300, 500]);
  const spectrum = await session.spectrum({ at: 300, neurons: [4, 0] });
  expect(race[1]!.thetaMagnitude).toEqual(spectrum.theta.magnitude);
  expect(race[1]!.xiMagnitude).toEqual(spectrum.xi.magnitude);
  await expect(session.lottery({ neurons: [1], raceAt: [7] })).rejects.toMatchObject({
    reason: "SNAPSHOT_NOT_FOUND",
  });
  expect(await violations(session.lottery({ neurons: [64] }))).toEqual(["neurons[0]"]);
  const weights = await session.download({ at: 0 });
  await using uploaded = await box.start({ ...spec, weights });
  expect(await violations(uploaded.lottery())).toEqual(["begin"]);
});

test("a flow has REFERENCE's end, keeps its invariants, and lies over a session's neuron", async () => {
  const start = { modulus: 23, frequency: 2, alpha: 0.02, beta: 0.02, phi: 1.5, psi: 0.18 };
  const euler = await box.simulateFlow(start, { eulerSteps: 1_400, timeStep: 1 / 529 });
  expect(euler.alpha).toHaveLength(1_401);
  expect([euler.alpha.at(-1)!.toFixed(5), euler.beta.at(-1)!.toFixed(5)]).toEqual(["0.04796", "0.03674"]);
  const end = euler.blowUpTime!;
  const exact = await box.simulateFlow(start, { times: [0, 0.5 * end, 0.99 * end, 2 * end] });
  expect([...exact.times]).toEqual([0, 0.5 * end, 0.99 * end]);
  expect(exact.invariants.magnitudeDrift).toBeLessThan(1e-9);
  expect(exact.invariants.phaseDrift).toBeLessThan(1e-9);
  expect(euler.invariants.magnitudeDrift).toBeGreaterThan(1e-9);
  const neuron = await session.simulateFlow(3, { times: [0, 0.001] }, { at: 0, compareAt: [0, 100, 500] });
  expect(neuron.actual.map(({ step }) => step)).toEqual([0, 100, 500]);
  const { alpha, phi, misalignment } = neuron.actual[0]!;
  expect([alpha, phi, misalignment]).toEqual([neuron.alpha[0], neuron.phi[0], neuron.misalignment[0]]);
  const times = neuron.actual.map(({ time }) => time);
  expect(times[0]).toBe(0);
  // A warm-up of 10 steps makes 5 of them.
  const { learningRate } = session.info.spec.optimizer;
  expect(times[2]).toBeCloseTo((learningRate * (490 + 4.5)) / 121, 12);
  const wrong = { ...start, frequency: 12, alpha: -1 };
  expect(await violations(box.simulateFlow(wrong, { times: [1, 1] }))).toEqual([
    "adaptive.times[1]",
    "state.frequency",
    "state.alpha",
  ]);
});

test("a flow begins at any phases, and at magnitudes that float64 can take to the third power", async () => {
  const start = { modulus: 23, frequency: 2, alpha: 0.02, beta: 0.03, phi: 1e20, psi: 0.2 };
  const phi = Math.atan2(Math.sin(1e20), Math.cos(1e20));
  const [far, near] = [
    await box.simulateFlow(start, { times: [0, 1e-3] }),
    await box.simulateFlow({ ...start, phi }, { times: [0, 1e-3] }),
  ];
  expect(far).toEqual(near);
  const last = await box.simulateFlow({ ...start, psi: Number.MAX_VALUE }, { times: [0] });
  expect(last.invariants.phase).not.toBeNaN();
  expect(last.blowUpTime).toBeGreaterThan(0);
  const small = await box.simulateFlow({ ...start, alpha: 1.01e-100, beta: 1e6 }, { times: [0] });
  expect(small.blowUpTime).toBeGreaterThan(0);
  const smaller = { ...start, alpha: 1e-162, beta: 1e-100 };
  expect(await violations(box.simulateFlow(smaller, { times: [0] }))).toEqual(["state.alpha", "state.beta"]);
});

test("neurons whose theta is constant have no frequency, in every answer", async () => {
  const { theta, xi } = idealNetwork({ modulus: 5, frequencies: [1, 2], neurons: 8 });
  const dead = [2, 5];
  const weights = {
    theta: {
      data: Float32Array.from(theta, (w, i) => (dead.includes(Math.floor(i / 5)) ? 0.5 : w)),
      shape: [8, 5],
    },
    xi: { data: Float32Array.from(xi), shape: [8, 5] },
  };
  await using some = await box.start({ modulus: 5, width: 8, activation: "x^2", weights });
  await some.snapshot();
  const spectrum = await some.spectrum();
  expect([...spectrum.dominantFrequency.data]).toEqual([1, 1, 0, 1, 2, 0, 2, 2]);
  expect(spectrum.neuronsPerFrequency).toEqual([3, 3]);
  expect(spectrum.layerAgreement).toBe(1);
  expect(spectrum.alpha!.mean).toBeCloseTo(1, 6);
  expect(spectrum.alpha!.spread).toBeLessThan(1e-6);
  const waveless = { neuron: 2, frequency: 0, alpha: 0, phi: 0, beta: 0, psi: 0, misalignment: 0 };
  expect(waves(spectrum)[2]).toEqual(waveless);
  expect((await some.logits({ pairs: [] })).votes.map(({ neurons }) => neurons)).toEqual([3, 3]);
  const lottery = await some.lottery({ begin: `${some.name}/snapshots/0` });
  expect([lottery.forecast.data[2], lottery.actual.data[2], lottery.shareRight]).toEqual([0, 0, 1]);
  expect(await violations(some.simulateFlow(2, { times: [0] }))).toEqual(["neuron.frequency"]);
  expect((await some.simulateFlow(2, { times: [0] }, { frequency: 1 })).alpha[0]).toBe(0);

  const zeros = { data: new Float32Array(40), shape: [8, 5] };
  await using none = await box.start({ modulus: 5, width: 8, weights: { theta: zeros, xi: zeros } });
  const nothing = await none.spectrum();
  expect(nothing.neuronsPerFrequency).toEqual([0, 0]);
  expect(nothing.layerAgreement).toBe(0);
  for (const absent of ["alpha", "beta", "meanAbsSinMisalignment"])
    expect(nothing).not.toHaveProperty(absent);
});

test("the contour has REFERENCE's corners", async () => {
  const beta = await box.outcomeContour({ scales: [0.01, 0.02], doubledPhases: [0, Math.PI] });
  expect(beta.shape).toEqual([2, 2]);
  expect([0, 2, 3].map((i) => beta.data[i]!.toFixed(6))).toEqual(["0.013967", "0.060207", "0.015506"]);
  expect(await violations(box.outcomeContour({ scales: [], doubledPhases: [Number.NaN] }))).toEqual([
    "scales",
    "doubled_phases[0]",
  ]);
});

test("no analysis changes a bit of a run that goes on meanwhile", async () => {
  await using straight = await box.start(spec);
  await straight.run({ untilStep: 60_000 }).finished;
  await using looked = await box.start(spec);
  await looked.snapshot();
  const run = looked.run({ untilStep: 60_000 });
  await run.started;
  let rounds = 0;
  do {
    await looked.evaluate({ grids: true });
    await looked.spectrum();
    await looked.logits({ activation: "exp" });
    await looked.ablate([{ removeFrequencies: [1] }, { spreadPhases: 1 }]);
    await looked.lottery({ neurons: [0], raceAt: [0] });
    await looked.simulateFlow(0, { times: [1e-3] }, { compareAt: [0] });
    rounds += 1;
  } while ((await looked.refresh()).state === "running");
  await run.finished;
  expect(rounds).toBeGreaterThan(1);
  expect(looked.info.step).toBe(60_000);
  const [a, b] = [await straight.download(), await looked.download()];
  expect(b.theta.data).toEqual(a.theta.data);
  expect(b.xi.data).toEqual(a.xi.data);
  expect(b.moments!.thetaSecond!.data).toEqual(a.moments!.thetaSecond!.data);
});

test("answers as large as they may be fit into a message", async () => {
  const start = { modulus: 23, frequency: 2, alpha: 1e-5, beta: 1e-5, phi: 1.5, psi: 0.18 };
  const flow = await box.simulateFlow(start, { eulerSteps: 50_000, timeStep: 1 / 529 });
  expect(flow.psi).toHaveLength(50_001);
  await using wide = await box.start({ modulus: 3, width: 65_536 });
  const neurons = Array.from({ length: 65_536 }, (_, m) => 65_535 - m);
  expect((await wide.spectrum({ neurons })).xi.phase.shape).toEqual([65_536, 1]);
  const pairs = Array.from({ length: 40_001 }, (_, i) => [i % 3, 2] as const);
  expect((await wide.logits({ pairs })).logits.shape).toEqual([40_001, 3]);
  await using large = await box.start({ modulus: 199, width: 64 });
  await large.snapshot();
  const many = Array.from({ length: 64 }, (_, m) => m);
  const { race } = await large.lottery({ neurons: many, raceAt: Array(39).fill(0) });
  expect(race).toHaveLength(39);
  expect(await violations(large.lottery({ neurons: many, raceAt: Array(40).fill(0) }))).toEqual(["race_at"]);
  // More than one answer: 480,000 logits are the most that fit into one, and each takes a second.
  const some = Array.from({ length: 2_500 }, (_, i) => [i % 199, (7 * i) % 199] as const);
  expect((await large.logits({ pairs: some })).logits.shape).toEqual([2_500, 199]);
  if (process.env.LONG_TESTS) expect((await large.logits()).logits.shape).toEqual([19_900, 199]);
});
