import type { Grokbox, Tensor } from "@grokbox/sdk";
import type { Measurements } from "../measurements.ts";
import { publishedModulus as modulus } from "../runs.ts";
import { subsets } from "./subsets.ts";

const frequencies = (modulus - 1) / 2;

/** What is published of no training run, at the published p: the flow, the contour, ideal networks and the worked example. */
export async function analyseTheory(box: Grokbox, into: Measurements, signal: AbortSignal): Promise<void> {
  await Promise.all([
    flows(box, into, signal),
    contour(box, into, signal),
    frequenciesUsed(box, into, signal),
    phaseRanges(box, into, signal),
    example(box, into, signal),
    widths(box, into, signal),
    demo(box, into, signal),
  ]);
}

/** The paper's Euler steps from two starts. */
async function flows(box: Grokbox, into: Measurements, signal: AbortSignal): Promise<void> {
  const start = { modulus, frequency: 2, alpha: 0.02, beta: 0.02 };
  const follow = (phi: number, psi: number, eulerSteps: number) =>
    box.simulateFlow({ ...start, phi, psi }, { eulerSteps, timeStep: 1 / modulus ** 2 }, { signal });
  const [first, second] = await Promise.all([follow(1.5, 0.18, 1_400), follow(-0.72, -2.91, 700)]);
  const crossing = first.misalignment.findIndex((D) => D < Math.PI / 2);
  into.add("flow", "case 1, start", { D: first.misalignment[0] });
  into.add("flow", "case 1", { "step at which D crosses pi/2": crossing < 0 ? undefined : crossing });
  for (const [where, { alpha, beta }] of [
    ["case 1, after 1400 steps", first],
    ["case 2, after 700 steps", second],
  ] as const) {
    into.add("flow", where, { alpha: alpha.at(-1), beta: beta.at(-1) });
  }
}

async function contour(box: Grokbox, into: Measurements, signal: AbortSignal): Promise<void> {
  const doubledPhases = [0, Math.PI / 2, Math.PI];
  const { data } = await box.outcomeContour({ modulus, scales: [0.01, 0.02], doubledPhases, signal });
  into.add("contour", "final beta at (s, 2 phi)", {
    "(0.01, 0)": data[0],
    "(0.02, 0)": data[3],
    "(0.02, pi/2)": data[4],
    "(0.02, pi)": data[5],
  });
}

const ideal = { modulus, width: 128 };

/** Mean over all ways to keep so many frequencies. */
async function frequenciesUsed(box: Grokbox, into: Measurements, signal: AbortSignal): Promise<void> {
  for (const size of [1, 2, 4, 8, 11]) {
    const answers = await Promise.all(
      subsets(frequencies, size).map((keepFrequencies) =>
        box.ablateIdeal(ideal, [{ keepFrequencies }], { signal }),
      ),
    );
    const mean = answers.reduce((sum, { loss = Number.NaN }) => sum + loss, 0) / answers.length;
    into.add("ideal network", "mean loss by frequencies used", { [size]: mean });
  }
}

async function phaseRanges(box: Grokbox, into: Measurements, signal: AbortSignal): Promise<void> {
  for (const share of ["0.4", "0.8", "1.2", "1.6", "2.0"]) {
    const { loss } = await box.ablateIdeal({ ...ideal, phaseRange: Number(share) * Math.PI }, [], { signal });
    into.add("ideal network", "loss by phase range", { [`${share} pi`]: loss });
  }
}

/** Enough neurons a frequency for the voting formula to be exact. */
const neuronsAFrequency = 5;

/** The logits of an ideal network: uploaded, so that they come the same way as a trained one's. */
async function example(box: Grokbox, into: Measurements, signal: AbortSignal): Promise<void> {
  const width = frequencies * neuronsAFrequency;
  const weights = { theta: idealLayer(1), xi: idealLayer(2) };
  const session = await box.start({ modulus, width, activation: "x^2", weights, signal });
  const [x, y] = [3, 7];
  const [{ logits, voting, theory }, spectrum] = await Promise.all([
    session.logits({ pairs: [[x, y]], signal }),
    session.spectrum({ neurons: [], signal }),
  ]);
  await session.delete({ signal });
  if (voting === undefined || theory === undefined) throw new Error("the ideal network has no votes");
  const levels = [...logits.data].map((logit) => logit / theory.unit);
  const others = levels.filter((_, j) => ![x + y, 2 * x, 2 * y].includes(j));
  const [correct, ...rest] = levels.toSorted((a, b) => b - a);
  into.add("worked example", "x = 3, y = 7, in units of aN/2", {
    "logit at 10": levels[x + y],
    "logit at 6": levels[2 * x],
    "logit at 14": levels[2 * y],
    "least other logit": Math.min(...others),
    "largest other logit": Math.max(...others),
    margin: correct! - rest[0]!,
    "softmax of the correct entry, less its bound": voting.minProbability - theory.minProbability,
  });
  into.add("pure cosine", "phases spread evenly", { "IPR over coefficients": spectrum.theta.coefficientIpr });
}

/** Rows cos(w_k j + n phi), phi = 2 pi i / N for neuron i of N, of every frequency. */
function idealLayer(harmonic: number): Tensor {
  const width = frequencies * neuronsAFrequency;
  const data = Float32Array.from({ length: width * modulus }, (_, at) => {
    const neuron = Math.floor(at / modulus);
    const frequency = 1 + Math.floor(neuron / neuronsAFrequency);
    const phi = (2 * Math.PI * (neuron % neuronsAFrequency)) / neuronsAFrequency;
    return Math.cos((2 * Math.PI * frequency * (at % modulus)) / modulus + harmonic * phi);
  });
  return { data, shape: [width, modulus] };
}

/** What the server makes of a modulus without a width. */
async function widths(box: Grokbox, into: Measurements, signal: AbortSignal): Promise<void> {
  for (const wide of [31, 97]) {
    const session = await box.start({ modulus: wide, signal });
    into.add("width", "default width", { [`at p = ${wide}`]: session.info.spec.width });
    await session.delete({ signal });
  }
}

const demoRuns = ["standard", "grokking", "quad_random", "quad_single_freq", "relu_single_freq"];

/** What one press of the published demo's button trains: it stops the standard run half-way. */
async function demo(box: Grokbox, into: Measurements, signal: AbortSignal): Promise<void> {
  const { presets } = await box.info({ signal });
  const ofDemo = presets.filter(({ name }) => demoRuns.includes(name));
  const steps = ofDemo.reduce((sum, run) => sum + (run.name === "standard" ? 5_000 : run.steps), 0);
  into.add("demo", "five runs, standard to 5000", { steps });
}
