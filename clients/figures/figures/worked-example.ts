import type { Session } from "@grokbox/sdk";
import type { TopLevelSpec } from "vega-lite";
import { theoryFigure, type View } from "../figure.ts";
import { tableSpec } from "../style/table.ts";
import { digits, heading } from "../style/title.ts";

interface WorkedExample {
  readonly modulus: number;
  readonly x: number;
  readonly y: number;
  /** Of the ideal network: neurons a frequency, and a N / 2, the unit of the logits below. */
  readonly neuronsPerFrequency: number;
  readonly unit: number;
  /** Softmax probability of all other entries together in the ideal network, and its upper bound (p - 1) e^{-aNp/8}. */
  readonly wrong: number;
  readonly wrongAtMost: number;
  readonly rows: readonly {
    readonly role: "correct" | "spurious" | "background";
    readonly residues: readonly number[];
    /** In units of a N / 2: the formula's, and the ideal network's lowest and highest over those residues. */
    readonly predicted: number;
    readonly lowest: number;
    readonly highest: number;
  }[];
}

const [modulus, x, y] = [23, 3, 7];
const neuronsPerFrequency = 12;

/** Every frequency with as many neurons, phases evenly spread, psi = 2 phi, alpha = beta = 1. */
function idealWeights() {
  const frequencies = (modulus - 1) / 2;
  const width = frequencies * neuronsPerFrequency;
  const [theta, xi] = [new Float32Array(width * modulus), new Float32Array(width * modulus)];
  for (let m = 0; m < width; m++) {
    const w = (2 * Math.PI * (1 + Math.floor(m / neuronsPerFrequency))) / modulus;
    const phi = (2 * Math.PI * (m % neuronsPerFrequency)) / neuronsPerFrequency;
    for (let j = 0; j < modulus; j++) {
      theta[m * modulus + j] = Math.cos(w * j + phi);
      xi[m * modulus + j] = Math.cos(w * j + 2 * phi);
    }
  }
  const shape = [width, modulus];
  return { theta: { data: theta, shape }, xi: { data: xi, shape } };
}

/** The ideal network's own logits: it is uploaded, looked at, and deleted. */
async function read({ box, signal }: View<Session | undefined>): Promise<WorkedExample> {
  await using session = await box.start({
    weights: idealWeights(),
    activation: "x^2",
    labels: { purpose: "worked-example" },
    // Without the signal: given up on the way, it might be made all the same, and stay.
  });
  try {
    signal?.throwIfAborted();
    const { logits, theory } = await session.logits({ pairs: [[x, y]], signal });
    if (theory === undefined) throw new Error("the server has no theory of an ideal network's votes");
    const { unit, correct, spurious, background, margin } = theory;
    const roleOf = (j: number) =>
      j === (x + y) % modulus
        ? "correct"
        : j === (2 * x) % modulus || j === (2 * y) % modulus
          ? "spurious"
          : "background";
    const predicted = { correct, spurious, background };
    return {
      modulus,
      x,
      y,
      neuronsPerFrequency,
      unit,
      wrong: wrongShare(logits.data, (x + y) % modulus),
      wrongAtMost: (modulus - 1) * Math.exp(-margin),
      rows: (["correct", "spurious", "background"] as const).map((role) => {
        const residues = Array.from(logits.data, (_, j) => j).filter((j) => roleOf(j) === role);
        const found = residues.map((j) => logits.data[j]! / unit);
        return {
          role,
          residues,
          predicted: predicted[role] / unit,
          lowest: Math.min(...found),
          highest: Math.max(...found),
        };
      }),
    };
  } finally {
    await session.delete();
  }
}

/** Softmax probability of all entries but one. */
function wrongShare(logits: Float64Array, right: number): number {
  const odds = logits.reduce(
    (sum, logit, j) => sum + (j === right ? 0 : Math.exp(logit - logits[right]!)),
    0,
  );
  return odds / (1 + odds);
}

function plot(example: WorkedExample): TopLevelSpec {
  const { rows, wrong, wrongAtMost, unit } = example;
  return tableSpec(
    heading(`How ${example.x} + ${example.y} mod ${example.modulus} is voted for`, [
      `Ideal network, ${example.neuronsPerFrequency} neurons a frequency; logits in units of aN/2 = ${digits(unit)}`,
      `Margin p/4 = ${digits(example.modulus / 4)} units; a wrong answer has probability ${digits(wrong)}, at most ${digits(wrongAtMost)} in theory`,
    ]),
    [
      { title: "role", width: 110 },
      { title: "residues j", width: 170 },
      { title: "formula", width: 100 },
      { title: "ideal network", width: 170 },
    ],
    rows.map(({ role, residues, predicted, lowest, highest }) => [
      role,
      role === "background" ? `the other ${residues.length}` : residues.join(", "),
      digits(predicted),
      highest - lowest < 5e-4 ? digits((lowest + highest) / 2) : `${digits(lowest)} to ${digits(highest)}`,
    ]),
  );
}

export const workedExample = theoryFigure({
  id: "example",
  title: "The worked example",
  caption:
    "In a fully diversified quadratic network the sum is p/4 units ahead of the two spurious residues 2x and 2y, whatever the pair; everything else is on one level below.",
  read,
  plot,
});
