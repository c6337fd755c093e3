import { expect, test } from "vitest";
import { catalogue } from "./catalogue.ts";
import { compare } from "./comparison.ts";
import type { Measured } from "./measure.ts";
import { recordedSteps } from "./recorded-steps.ts";
import { publishedModulus, runNames, runSteps } from "./runs.ts";

const row = {
  testLoss: null,
  testAccuracy: null,
  common: 1,
  rare: null,
  partner: null,
  heldOut: null,
  ipr: 0.5,
  meanAbsSinMisalignment: 0.1,
  gradientNorm: 1,
};

function result(values: Partial<Measured>): Measured {
  return {
    run: "standard",
    engine: "cpu",
    device: "",
    steps: 1_000,
    seed: 42,
    seconds: 1,
    stepsPerSecond: 1_000,
    curve: [],
    activations: { relu: 1, abs: 1, "x^2": 1, "x^4": 1, softplus2: 1, exp: 1, identity: 0.04, "x^3": 0.09 },
    end: {},
    ...values,
  };
}

const curve = [
  { ...row, step: 500, trainLoss: 3.0544, trainAccuracy: 1, parameterNorm: 5 },
  { ...row, step: 1_000, trainLoss: 2.9, trainAccuracy: 1, parameterNorm: 8 },
];

test("what was reached is compared, in the order of the steps", () => {
  expect(compare(result({ curve })).map(({ where, isWithin }) => [where, isWithin])).toEqual([
    ["step 500", true],
    ["step 1000", false],
  ]);
});

test("another seed is shown beside the published values but not held to them", () => {
  const comparisons = compare(result({ curve, seed: 1 }));
  expect(comparisons.map(({ isWithin }) => isWithin)).toEqual([undefined, undefined]);
});

test("activations are compared only at the published last step", () => {
  const last = compare(result({ steps: 10_000 }));
  expect(last.filter(({ where }) => where === "accuracy under").map(({ isWithin }) => isWithin)).toEqual([
    ...Array(7).fill(true),
    false,
  ]);
});

test("every step of which a curve's value is published is recorded", () => {
  const curves = catalogue(publishedModulus).filter(({ where, step }) => where === `step ${step}`);
  for (const run of runNames) {
    const recorded = new Set(recordedSteps(run, runSteps[run]));
    const published = curves.filter(({ of }) => of === run).map(({ step = 0 }) => step);
    expect(published.filter((step) => step % 100 !== 0 && !recorded.has(step))).toEqual([]);
  }
});
