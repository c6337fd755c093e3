import { describe, expect, test } from "vitest";
import { cosineFits } from "./cosine-fit.ts";
import { diversification } from "./diversification.ts";
import { projectOnDominant } from "./dominant.ts";
import { evaluateLogits, logits } from "./evaluation.ts";
import { dominantFrequencies, spectrum } from "./fourier.ts";
import { harmonicLeakage } from "./harmonic-leakage.ts";
import { drawSplit } from "./initial-state.ts";
import { pairClasses } from "./pair-class.ts";
import { parameterNorm } from "./parameter-norm.ts";
import { coefficientParticipationRatio } from "./participation-ratio.ts";
import { meanOfPresent } from "./present-values.ts";
import { presets } from "./presets.ts";
import type { Activation } from "./spec.ts";
import { SpectralMeter } from "./spectral-measures.ts";
import { summarizeSpectrum } from "./spectrum-summary.ts";
import { labels } from "./task.ts";
import { hasPublishedRuns, publishedRow, publishedWeights } from "./testing/published.ts";

const modulus = 23;
const sums = labels("add", modulus);

function scores(run: string, state: string, activation: Activation) {
  const classes = pairClasses(drawSplit(presets[run].spec), modulus);
  const network = { modulus, width: 512, activation, ...publishedWeights(run, state) };
  return evaluateLogits(logits(network), sums, classes, modulus);
}

function layers(run: string, state: string) {
  const weights = publishedWeights(run, state);
  const theta = spectrum(weights.theta, modulus);
  return {
    ...weights,
    inner: theta,
    outer: spectrum(weights.xi, modulus),
    dominant: dominantFrequencies(theta),
  };
}

describe.skipIf(!hasPublishedRuns)("the standard run's final weights", () => {
  test("spectra, phases and groups", () => {
    const { theta, xi } = publishedWeights("standard", "step-final");
    const summary = summarizeSpectrum(theta, xi, modulus, []);
    expect(summary.iprTheta!.toFixed(4)).toBe("0.6912");
    expect(summary.iprXi!.toFixed(4)).toBe("0.7505");
    expect(summary.meanAbsSinMisalignment!.toFixed(4)).toBe("0.0846");
    expect(summary.maxAbsMisalignment!.toFixed(3)).toBe("0.498");
    expect((100 * summary.layerAgreement).toFixed(1)).toBe("98.8");
    expect([...summary.neuronsPerFrequency]).toEqual([43, 42, 54, 43, 35, 59, 55, 41, 46, 53, 41]);
    const { alpha, beta } = summary;
    expect([alpha!.mean, alpha!.spread].map((value) => value.toFixed(4))).toEqual(["0.4527", "0.0565"]);
    expect([beta!.mean, beta!.spread].map((value) => value.toFixed(4))).toEqual(["0.5056", "0.0575"]);
  });

  test("parameter norm is the published curve's", () => {
    const { theta, xi } = publishedWeights("standard", "step-final");
    // The file is the state after all 10,000 updates, one after the curve's last row.
    expect(parameterNorm(theta, xi) / publishedRow("standard", 9999)[3]).toBeCloseTo(1, 4);
  });

  test("energy at k*, and phases spread no better than at random", () => {
    const { inner, outer, dominant } = layers("standard", "step-final");
    expect(meanOfPresent(cosineFits(inner, dominant))!.toFixed(3)).toBe("0.812");
    expect(meanOfPresent(cosineFits(outer, dominant))!.toFixed(3)).toBe("0.850");
    const groups = diversification(inner, outer, dominant);
    const means = [0, 1, 2, 3].map((n) =>
      meanOfPresent(groups.map((group) => group.phaseConcentration?.[n])),
    );
    expect(means.map((value) => value!.toFixed(3))).toEqual(["0.102", "0.105", "0.037", "0.062"]);
  });

  test.each<[Activation, number]>([
    ["relu", 529],
    ["abs", 529],
    ["x^2", 529],
    ["x^4", 529],
    ["softplus2", 529],
    ["exp", 529],
    ["identity", 22],
    ["x^3", 19],
  ])("with %s in place of relu, %i of 529 pairs are right", (activation, right) => {
    expect(scores("standard", "step-final", activation).trainAccuracy).toBe(right / 529);
  });

  test.each<[Activation, number, number]>([
    ["abs", 0, 5e-5],
    ["x^2", 0, 5e-5],
    ["x^4", 3.1e-5, 5e-7],
    ["x^8", 0.0512, 5e-5],
    ["softplus2", 0.001288, 5e-7],
    ["exp", 0.000654, 5e-7],
    ["identity", 4.2467, 1e-4],
    ["x^3", 3.8913, 1e-4],
    ["relu", 5.213e-7, 5e-11],
  ])("with %s in place of relu, the loss is %f", (activation, expected, tolerance) => {
    const { trainLoss } = scores("standard", "step-final", activation);
    expect(Math.abs(trainLoss! - expected)).toBeLessThanOrEqual(tolerance);
  });

  test("under x^2, logits stand on three levels, in the proportion of the theory once projected", () => {
    const weights = publishedWeights("standard", "step-final");
    const full = levels(weights);
    expect([full.correct, full.spurious, full.background].map((level) => level.toFixed(1))).toEqual([
      "29.1",
      "6.2",
      "-0.6",
    ]);
    expect(proportion(full).toFixed(3)).toBe("0.227");
    expect(proportion(levels(projectOnDominant(weights.theta, weights.xi, modulus)))).toBeCloseTo(0.5, 12);
  });
});

/** Mean logit under x^2 over the pairs x != y at x + y, at 2x and 2y, and elsewhere. */
function levels(weights: { theta: Float32Array | Float64Array; xi: Float32Array | Float64Array }) {
  const values = logits({ modulus, width: 512, activation: "x^2", ...weights });
  const totals = { correct: [0, 0], spurious: [0, 0], background: [0, 0] };
  let row = 0;
  for (let x = 0; x < modulus; x++) {
    for (let y = x; y < modulus; y++, row += modulus) {
      if (x === y) continue;
      for (let j = 0; j < modulus; j++) {
        const isSpurious = j === (2 * x) % modulus || j === (2 * y) % modulus;
        const level = j === (x + y) % modulus ? "correct" : isSpurious ? "spurious" : "background";
        totals[level][0] += values[row + j];
        totals[level][1]++;
      }
    }
  }
  const mean = ([sum, count]: number[]) => sum / count;
  return {
    correct: mean(totals.correct),
    spurious: mean(totals.spurious),
    background: mean(totals.background),
  };
}

function proportion({ correct, spurious, background }: ReturnType<typeof levels>): number {
  return (spurious - background) / (correct - background);
}

describe.skipIf(!hasPublishedRuns)("the grokking run's weights at the end of memorization", () => {
  test("accuracies on the four classes of pairs", () => {
    const { trainAccuracy, testAccuracy, common, rare, partner, heldOut } = scores(
      "grokking",
      "step-2200",
      "relu",
    );
    expect([trainAccuracy, common, rare, partner, heldOut]).toEqual([1, 1, 1, 1, 0]);
    expect(testAccuracy).toBe(94 / 133);
  });

  test("losses are the published curve's", () => {
    const { trainLoss, testLoss } = scores("grokking", "step-2200", "relu");
    // The file is one update further than the curve, whose loss falls by 0.1% an update here.
    expect(trainLoss! / 0.7096).toBeCloseTo(0.999, 3);
    expect(testLoss! / 2.5303).toBeCloseTo(0.9995, 3);
  });

  test("progress measures", () => {
    const { theta, xi, inner, outer } = layers("grokking", "step-2200");
    const { ipr, meanAbsSinMisalignment } = new SpectralMeter(modulus).measure(theta, xi);
    expect(ipr!.toFixed(3)).toBe("0.500");
    expect(meanAbsSinMisalignment!.toFixed(3)).toBe("0.100");
    expect(parameterNorm(theta, xi).toFixed(2)).toBe("25.22");
    const perCoefficient =
      (coefficientParticipationRatio(inner)! + coefficientParticipationRatio(outer)!) / 2;
    expect(perCoefficient.toFixed(3)).toBe("0.372");
  });
});

describe.skipIf(!hasPublishedRuns)("the single-frequency runs' final weights", () => {
  test("relu leaks to odd harmonics in theta and to all in xi", () => {
    const { inner, outer, dominant } = layers("relu_single_freq", "step-final");
    const medians = (layer: typeof inner) => harmonicLeakage(layer, dominant).map(({ median }) => median!);
    const [theta2, theta3, theta4, theta5] = medians(inner);
    const [xi2, xi3] = medians(outer);
    const measured = [theta3, theta5, theta2, xi2, xi3];
    const expected = [0.236, 0.058, 0.004, 0.063, 0.041];
    for (const [i, value] of measured.entries()) expect(Math.abs(value - expected[i])).toBeLessThan(1e-3);
    expect(theta4).toBeLessThan(0.01);
  });

  test.each([
    ["quad_single_freq", "x^2", 0.006753, 5e-6],
    ["relu_single_freq", "relu", 3.13288, 5e-6],
  ] as const)("%s ends at its published loss", (run, activation, expected, tolerance) => {
    const { trainLoss } = scores(run, "step-final", activation);
    expect(Math.abs(trainLoss! - expected)).toBeLessThan(tolerance);
  });
});
