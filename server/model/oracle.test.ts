import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { evaluateLogits, logits } from "./evaluation.ts";
import { initialState } from "./initial-state.ts";
import { gradients, type LossProblem, OracleTrainer, type TrainingProblem } from "./oracle.ts";
import { pairClasses } from "./pair-class.ts";
import { presets } from "./presets.ts";
import { activations, type Optimizer } from "./spec.ts";
import { labels, tasks } from "./task.ts";
import { arbitraryWeights, classesOf, networks, relativeError } from "./testing/networks.ts";
import { hasPublishedRuns, publishedRow } from "./testing/published.ts";
import { findPython, runPython } from "./testing/python.ts";

const modulus = 5;
const width = 3;
const theta = arbitraryWeights(width * modulus, 1);
const xi = arbitraryWeights(width * modulus, 2);
/** Some pairs of every class. */
const train = Uint8Array.from({ length: modulus * modulus }, (_, pair) => ((pair * 7) % 5 < 3 ? 1 : 0));
const classes = pairClasses(train, modulus);
const adamw: Optimizer = {
  kind: "adamw",
  learningRate: 0.01,
  weightDecay: 0.5,
  beta1: 0.9,
  beta2: 0.98,
  epsilon: 1e-8,
};
const sgd: Optimizer = { kind: "sgd", learningRate: 0.1, weightDecay: 0.05 };

const everyLoss = activations.flatMap((activation) => tasks.map((task) => ({ activation, task })));

test.each(everyLoss)(
  "gradients are the limits of difference quotients: $activation, $task",
  ({ activation, task }) => {
    const problem: LossProblem = { modulus, width, activation, labels: labels(task, modulus), classes };
    const { thetaGradient, xiGradient } = gradients(problem, theta, xi);
    const h = 1e-6;
    const lossAt = (layer: "theta" | "xi", i: number, change: number) => {
      const moved = { theta: theta.slice(), xi: xi.slice() };
      moved[layer][i] += change;
      return gradients(problem, moved.theta, moved.xi).trainLoss;
    };
    for (let i = 0; i < theta.length; i++) {
      const thetaSlope = (lossAt("theta", i, h) - lossAt("theta", i, -h)) / (2 * h);
      const xiSlope = (lossAt("xi", i, h) - lossAt("xi", i, -h)) / (2 * h);
      expect(Math.abs(thetaGradient[i] - thetaSlope)).toBeLessThan(2e-7 * (1 + Math.abs(thetaSlope)));
      expect(Math.abs(xiGradient[i] - xiSlope)).toBeLessThan(2e-7 * (1 + Math.abs(xiSlope)));
    }
  },
);

const problems = networks.chain((network) =>
  fc.record({
    network: fc.constant(network),
    classes: classesOf(network.modulus),
    activation: fc.constantFrom(...activations),
    task: fc.constantFrom(...tasks),
  }),
);

test("losses and counts are those of the evaluation over unordered pairs", () => {
  fc.assert(
    fc.property(problems, ({ network, classes, activation, task }) => {
      const problem = { ...network, activation, labels: labels(task, network.modulus), classes };
      const result = gradients(problem, network.theta, network.xi);
      const scores = evaluateLogits(
        logits({ ...network, activation }),
        problem.labels,
        classes,
        network.modulus,
      );
      expect(result.trainLoss / scores.trainLoss!).toBeCloseTo(1, 10);
      expect(result.testLoss === undefined).toBe(scores.testLoss === undefined);
      if (scores.testLoss !== undefined) expect(result.testLoss! / scores.testLoss).toBeCloseTo(1, 10);
      const trained = classes.filter((pairClass) => pairClass < 2).length;
      expect((result.correct[0] + result.correct[1]) / trained).toBeCloseTo(scores.trainAccuracy, 12);
    }),
  );
});

test("a shift of all logits changes no loss: each row of xi's gradient sums to 0", () => {
  fc.assert(
    fc.property(problems, ({ network, classes, activation, task }) => {
      const problem = { ...network, activation, labels: labels(task, network.modulus), classes };
      const { xiGradient, gradientNorm } = gradients(problem, network.theta, network.xi);
      for (let start = 0; start < xiGradient.length; start += network.modulus) {
        const row = xiGradient.subarray(start, start + network.modulus);
        const sum = row.reduce((total, slope) => total + slope, 0);
        expect(Math.abs(sum)).toBeLessThanOrEqual(1e-12 * (1 + gradientNorm));
      }
    }),
  );
});

test("turning the clock face changes nothing: theta by one, xi by two, on all pairs of x + y", () => {
  const problem: LossProblem = {
    modulus,
    width,
    activation: "gelu",
    labels: labels("add", modulus),
    classes: new Uint8Array(modulus * modulus),
  };
  const turned = (layer: Float64Array, by: number) =>
    layer.map((_, i) => layer[i - (i % modulus) + (((i % modulus) + by) % modulus)]);
  const straight = gradients(problem, theta, xi);
  const shifted = gradients(problem, turned(theta, 1), turned(xi, 2));
  expect(shifted.trainLoss).toBeCloseTo(straight.trainLoss, 14);
  expect(relativeError(shifted.thetaGradient, turned(straight.thetaGradient, 1))).toBeLessThan(1e-13);
  expect(relativeError(shifted.xiGradient, turned(straight.xiGradient, 2))).toBeLessThan(1e-13);
});

test("the gradient over a training set is the mean of its pairs' own", () => {
  const problem = { modulus, width, activation: "softplus2", labels: labels("subtract", modulus) } as const;
  const whole = gradients({ ...problem, classes }, theta, xi);
  const mean = new Float64Array(theta.length);
  const trained = [...train.keys()].filter((pair) => train[pair] === 1);
  for (const pair of trained) {
    const only = Uint8Array.from(train, (_, i) => (i === pair ? 0 : 3));
    const { thetaGradient } = gradients({ ...problem, classes: only }, theta, xi);
    for (let i = 0; i < mean.length; i++) mean[i] += thetaGradient[i] / trained.length;
  }
  expect(relativeError(whole.thetaGradient, mean)).toBeLessThan(1e-14);
});

test("gradients keep their digits when every answer is almost certain", () => {
  const problem: LossProblem = {
    modulus: 3,
    width: 3,
    activation: "identity",
    labels: Uint8Array.from({ length: 9 }, () => 0),
    classes: new Uint8Array(9),
  };
  // Logits (60, 0, 0) for every pair, so that softmax is 1 - 2 e^{-60}, which is 1 in float64.
  const inner = Float64Array.of(0.5, 0.5, 0.5, 0, 0, 0, 0, 0, 0);
  const outer = Float64Array.of(60, 0, 0, 0, 0, 0, 0, 0, 0);
  const { trainLoss, xiGradient } = gradients(problem, inner, outer);
  expect(trainLoss / (2 * Math.exp(-60))).toBeCloseTo(1, 12);
  expect(xiGradient[0] / (-2 * Math.exp(-60))).toBeCloseTo(1, 12);
});

function trainer(optimizer: Optimizer, warmupSteps: number): OracleTrainer {
  const problem: TrainingProblem = {
    modulus,
    width,
    activation: "relu",
    labels: labels("add", modulus),
    classes,
    optimizer,
    schedule: { warmupSteps },
  };
  return new OracleTrainer(problem, { theta, xi });
}

test("the first update of a warm-up changes no weight, but moments and bias correction advance", () => {
  const warm = trainer(adamw, 10);
  const { thetaGradient } = warm.step();
  expect(warm.theta).toEqual(theta);
  expect(warm.updates).toBe(1);
  expect(warm.state.moments!.thetaFirst![4]).toBeCloseTo(0.1 * thetaGradient[4], 16);
  expect(warm.state.moments!.thetaSecond![4]).toBeCloseTo(0.02 * thetaGradient[4] ** 2, 18);
});

test("AdamW's first full step decays, then moves by the learning rate against the gradient's sign", () => {
  const adam = trainer(adamw, 0);
  const { xiGradient } = adam.step();
  for (const [i, weight] of adam.xi.entries()) {
    const moved = Math.abs(xiGradient[i]) > 1e-5 ? 0.01 * Math.sign(xiGradient[i]) : 0;
    if (moved !== 0) expect(weight).toBeCloseTo(xi[i] * (1 - 0.005) - moved, 4);
  }
});

test("SGD moves by the learning rate times the gradient and the decay", () => {
  const descent = trainer(sgd, 0);
  const { thetaGradient } = descent.step();
  for (const [i, weight] of descent.theta.entries()) {
    expect(weight).toBeCloseTo(theta[i] - 0.1 * (thetaGradient[i] + 0.05 * theta[i]), 15);
  }
});

test.each([adamw, sgd])("goes on from a state as if it had never stopped: $kind", (optimizer) => {
  const straight = trainer(optimizer, 4);
  for (let i = 0; i < 5; i++) straight.step();
  const problem = { modulus, width, activation: "relu", labels: labels("add", modulus), classes } as const;
  const resumed = new OracleTrainer(
    { ...problem, optimizer, schedule: { warmupSteps: 4 } },
    { step: straight.updates, theta: straight.theta, xi: straight.xi, moments: straight.state.moments! },
  );
  for (let i = 0; i < 5; i++) expect(resumed.step()).toEqual(straight.step());
  expect(resumed.theta).toEqual(straight.theta);
});

const python = findPython("torch");
const peer = `
import json, sys, torch
from torch.nn.functional import cross_entropy, gelu, relu, softplus
torch.set_default_dtype(torch.float64)
activations = {
    "relu": relu, "gelu": gelu, "x^2": lambda z: z ** 2, "identity": lambda z: z, "abs": torch.abs,
    "x^3": lambda z: z ** 3, "x^4": lambda z: z ** 4, "x^8": lambda z: z ** 8,
    "softplus2": lambda z: softplus(2 * z), "exp": torch.exp,
}
for case in json.load(sys.stdin):
    p, spec = case["modulus"], case["optimizer"]
    theta = torch.tensor(case["theta"]).reshape(-1, p).requires_grad_()
    xi = torch.tensor(case["xi"]).reshape(-1, p).requires_grad_()
    x, y = [torch.tensor(values) for values in zip(*case["pairs"])]
    target = torch.tensor(case["targets"])
    if spec["kind"] == "adamw":
        optimizer = torch.optim.AdamW([theta, xi], lr=spec["learningRate"], betas=(spec["beta1"], spec["beta2"]),
                                      eps=spec["epsilon"], weight_decay=spec["weightDecay"])
    else:
        optimizer = torch.optim.SGD([theta, xi], lr=spec["learningRate"], weight_decay=spec["weightDecay"])
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: min(t / case["warmup"], 1))
    losses = []
    for _ in range(case["steps"]):
        optimizer.zero_grad()
        hidden = activations[case["activation"]](theta.T[x] + theta.T[y])
        loss = cross_entropy(hidden @ xi, target)
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
        scheduler.step()
    for values in theta, xi, torch.tensor(losses):
        sys.stdout.buffer.write(values.detach().numpy().tobytes())
`;

test.skipIf(python === undefined)(
  "trains as PyTorch does in float64, every activation and both optimizers",
  () => {
    const steps = 15;
    const warmup = 10;
    const cases = everyLoss.map(({ activation, task }, i) => {
      const optimizer = i % 2 === 0 ? adamw : sgd;
      const all = labels(task, modulus);
      const trained = [...train.keys()].filter((pair) => train[pair] === 1);
      // Small weights keep the steep activations from diverging.
      const small = { theta: theta.map((w) => w / 2), xi: xi.map((w) => w / 2) };
      return { activation, task, optimizer, all, trained, small };
    });
    const input = cases.map(({ activation, optimizer, all, trained, small }) => ({
      ...{ modulus, activation, optimizer, steps, warmup },
      theta: [...small.theta],
      xi: [...small.xi],
      pairs: trained.map((pair) => [Math.floor(pair / modulus), pair % modulus]),
      targets: trained.map((pair) => all[pair]),
    }));
    const drawn = new Float64Array(runPython(python!, peer, input).buffer);
    const size = width * modulus;
    cases.forEach(({ activation, task, optimizer, all, small }, i) => {
      const expected = drawn.subarray(i * (2 * size + steps), (i + 1) * (2 * size + steps));
      const problem = { modulus, width, activation, labels: all, classes, optimizer };
      const oracle = new OracleTrainer({ ...problem, schedule: { warmupSteps: warmup } }, small);
      const losses = Array.from({ length: steps }, () => oracle.step().trainLoss);
      const where = `${activation} ${task} ${optimizer.kind}`;
      expect(relativeError(oracle.theta, expected.subarray(0, size)), where).toBeLessThan(1e-9);
      expect(relativeError(oracle.xi, expected.subarray(size, 2 * size)), where).toBeLessThan(1e-9);
      expect(relativeError(losses, expected.subarray(2 * size)), where).toBeLessThan(1e-10);
    });
  },
);

describe.skipIf(!hasPublishedRuns)("published curves, twenty updates from seed 42", () => {
  test.each(["standard", "grokking", "quad_single_freq", "relu_single_freq"])("%s", (run) => {
    const published = presets[run].spec;
    const drawn = initialState(published);
    const oracle = new OracleTrainer(
      { ...published, labels: labels("add", 23), classes: pairClasses(drawn.train, 23) },
      drawn,
    );
    while (oracle.updates < 20) oracle.step();
    const { trainLoss, testLoss, gradientNorm } = oracle.gradients();
    const [publishedTrain, publishedTest, publishedGradient] = publishedRow(run, 20);
    expect(trainLoss / publishedTrain).toBeCloseTo(1, 6);
    if (testLoss !== undefined) expect(testLoss / publishedTest).toBeCloseTo(1, 6);
    expect(gradientNorm / publishedGradient).toBeCloseTo(1, 5);
  });
});
