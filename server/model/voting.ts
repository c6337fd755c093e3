import { atDominant, dominantFrequencies, spectrum } from "./fourier.ts";
import { frequencyCount } from "./fourier-basis.ts";
import { misalignments } from "./misalignment.ts";

/** The mean logits at j = x + y, at j = 2x and j = 2y, and elsewhere. */
export interface VotingLevels {
  readonly correct: number;
  readonly spurious: number;
  readonly background: number;
}

/** How logits stand on three levels. Levels and residuals are of the pairs x != y, margins of all. */
export interface VotingFit {
  /** Without a background for p = 3, where the three residues are correct and spurious. */
  readonly levels: Omit<VotingLevels, "background"> & { readonly background?: number };
  /** (spurious - background) / (correct - background): 0.5 in theory. Absent when correct and background are equal, and for p = 3. */
  readonly spuriousRatio?: number;
  /** Share of the variance of the logits that the levels explain, at most 1. Absent when all logits are equal. */
  readonly r2?: number;
  /** Root mean square of logit minus level. */
  readonly residual: number;
  readonly maxResidual: number;
  /** Of the pairs x = y, whose spurious residues are the correct one. */
  readonly diagonal: { readonly correct: number; readonly background: number };
  /** Correct logit minus the largest other one, over ordered pairs. */
  readonly margin: { readonly mean: number; readonly min: number };
  /** Least softmax probability of the correct residue. */
  readonly minSoftmax: number;
  /** Pairs x <= y of least margin, the least first. */
  readonly worst: readonly WorstPair[];
}

export interface WorstPair {
  readonly x: number;
  readonly y: number;
  /** Negative where the answer is wrong. */
  readonly margin: number;
  /** The residue of the largest other logit, the lowest of equal ones. */
  readonly rival: number;
  /** The rival is 2x or 2y. */
  readonly isSpurious: boolean;
}

/**
 * Fits the levels of the voting formula to the logits of a network that adds (paper, mechanism; DESIGN, "Voting"). For x != y and odd p
 * the residues x + y, 2x and 2y differ, so that least squares are means.
 *
 * @param logits - [p(p+1)/2, p], pairs x <= y in lexicographic order; finite
 * @param worst - pairs of least margin to name
 */
export function votingFit(logits: Float64Array, modulus: number, worst = 10): VotingFit {
  const off = rowsOf(logits, modulus).filter(({ x, y }) => x !== y);
  const diagonal = rowsOf(logits, modulus).filter(({ x, y }) => x === y);
  const [correct, spurious] = [meanWhere(off, "correct"), meanWhere(off, "spurious")];
  // Used only where there are such residues.
  const background = modulus === 3 ? Number.NaN : meanWhere(off, "background");
  const levels: VotingLevels = { correct, spurious, background };
  const count = off.length * modulus;
  const grand =
    off.reduce((sum, { values }) => sum + values.reduce((all, value) => all + value, 0), 0) / count;
  let explained = 0;
  let left = 0;
  let maxResidual = 0;
  for (const { x, y, values } of off) {
    for (const [j, value] of values.entries()) {
      const residual = value - levels[levelOf(x, y, j, modulus)];
      left += residual ** 2;
      explained += (value - grand) ** 2;
      maxResidual = Math.max(maxResidual, Math.abs(residual));
    }
  }
  const margins = rowsOf(logits, modulus).map((row) => marginOf(row, modulus));
  const both = ({ x, y }: WorstPair) => (x === y ? 1 : 2);
  const spread = correct - background;
  const largest = off.reduce(
    (most, { values }) => values.reduce((a, b) => Math.max(a, Math.abs(b)), most),
    0,
  );
  const isFlat = modulus === 3 || Math.abs(spread) <= roundedAway * largest;
  return {
    levels: modulus === 3 ? { correct, spurious } : levels,
    ...(isFlat ? {} : { spuriousRatio: (spurious - background) / spread }),
    ...(explained === 0 ? {} : { r2: 1 - left / explained }),
    residual: Math.sqrt(left / count),
    maxResidual,
    diagonal: { correct: meanWhere(diagonal, "correct"), background: meanWhere(diagonal, "background") },
    margin: {
      mean: margins.reduce((sum, pair) => sum + both(pair) * pair.margin, 0) / modulus ** 2,
      min: margins.reduce((least, { margin }) => Math.min(least, margin), Number.POSITIVE_INFINITY),
    },
    minSoftmax: rowsOf(logits, modulus).reduce((least, row) => Math.min(least, truth(row, modulus)), 1),
    worst: margins.toSorted((a, b) => a.margin - b.margin).slice(0, worst),
  };
}

/** Two levels that differ by no more than this share of the largest logit are equal: under the identity, say, where they must be. */
const roundedAway = 1e-12;

/** Logits of a fully diversified quadratic network, and what they promise. */
export interface VotingTheory extends VotingLevels {
  /** a N / 2, in which the levels are whole or quarter multiples of p less 1. */
  readonly unit: number;
  /** At j = 2x of the pairs x = y. */
  readonly diagonalCorrect: number;
  /** a N p / 8, by which correct beats spurious when x != y. */
  readonly margin: number;
  /** 1 - (p - 1) e^{-a N p / 8}: a lower bound of the softmax probability of the correct residue; it says nothing when below 0. */
  readonly minSoftmax: number;
}

/**
 * The voting formula: f(x, y)[j] = (a N / 2) [-1 + (p/2) 1(j = x + y) + (p/4) (1(j = 2x) + 1(j = 2y))].
 *
 * @param strength - a = alpha^2 beta of every neuron
 * @param neurons - N of every frequency, 3 or at least 5 for the formula to be exact
 */
export function votingTheory(modulus: number, strength: number, neurons: number): VotingTheory {
  const unit = (strength * neurons) / 2;
  const margin = (unit * modulus) / 4;
  return {
    unit,
    correct: unit * (modulus / 2 - 1),
    spurious: unit * (modulus / 4 - 1),
    background: -unit,
    diagonalCorrect: unit * (modulus - 1),
    margin,
    minSoftmax: 1 - (modulus - 1) * Math.exp(-margin),
  };
}

/** The logits of the theory, [p(p+1)/2, p], pairs x <= y in lexicographic order. */
export function theoryLogits(modulus: number, strength: number, neurons: number): Float64Array {
  const theory = votingTheory(modulus, strength, neurons);
  const logits = new Float64Array(((modulus * (modulus + 1)) / 2) * modulus);
  for (const { x, y, values } of rowsOf(logits, modulus)) {
    for (let j = 0; j < modulus; j++) {
      const level = levelOf(x, y, j, modulus);
      values[j] = x === y && level === "correct" ? theory.diagonalCorrect : theory[level];
    }
  }
  return logits;
}

/** What the neurons of one dominant frequency contribute to the logits under x^2. */
export interface FrequencyVote {
  /** k, 1..K. */
  readonly frequency: number;
  readonly neurons: number;
  /** What cos w(x + y - j) is multiplied with: sum of alpha^2 beta cos D. Negative where the neurons vote against the sum. */
  readonly signal: number;
  /** Amplitude of cos(w j + .): 2 |sum of alpha^2 beta e^{i psi}|. */
  readonly firstNoise: number;
  /** Amplitude of cos(w(x + y + j) + .): |sum of alpha^2 beta e^{i(2 phi + psi)}|. */
  readonly secondNoise: number;
}

/**
 * The votes of every frequency k = 1..K. By the product formulas, a neuron of one frequency has under x^2 the logit
 * alpha^2 beta cos^2(w(x-y)/2) [cos(w(x+y-j) + D) + 2 cos(w j + psi) + cos(w(x+y+j) + 2 phi + psi)]; full diversification cancels the
 * last two within a frequency. A neuron whose theta is constant has no frequency, and no vote.
 *
 * @param theta - [M, p] row-major
 * @param xi - [M, p] row-major
 */
export function votes(
  theta: Float32Array | Float64Array,
  xi: Float32Array | Float64Array,
  modulus: number,
): FrequencyVote[] {
  const inner = spectrum(theta, modulus);
  const outer = spectrum(xi, modulus);
  const dominant = dominantFrequencies(inner);
  const angles = misalignments(inner, outer, dominant);
  const sums = Array.from({ length: frequencyCount(modulus) }, () => ({
    neurons: 0,
    signal: 0,
    first: [0, 0],
    second: [0, 0],
  }));
  for (const [m, k] of dominant.entries()) {
    const sum = sums[k - 1];
    if (sum === undefined) continue;
    sum.neurons += 1;
    const alpha = atDominant(inner, inner.magnitude, dominant, m);
    const strength = alpha * alpha * atDominant(outer, outer.magnitude, dominant, m);
    const phi = atDominant(inner, inner.phase, dominant, m);
    const psi = atDominant(outer, outer.phase, dominant, m);
    sum.signal += strength * Math.cos(angles[m] ?? 0);
    add(sum.first, strength, psi);
    add(sum.second, strength, 2 * phi + psi);
  }
  return sums.map(({ neurons, signal, first, second }, i) => ({
    frequency: i + 1,
    neurons,
    signal,
    firstNoise: 2 * Math.hypot(...first),
    secondNoise: Math.hypot(...second),
  }));
}

function add(sum: number[], amplitude: number, phase: number): void {
  sum[0]! += amplitude * Math.cos(phase);
  sum[1]! += amplitude * Math.sin(phase);
}

interface Row {
  readonly x: number;
  readonly y: number;
  /** [p], a view. */
  readonly values: Float64Array;
}

function rowsOf(logits: Float64Array, modulus: number): Row[] {
  const rows: Row[] = [];
  for (let x = 0, at = 0; x < modulus; x++) {
    for (let y = x; y < modulus; y++, at += modulus)
      rows.push({ x, y, values: logits.subarray(at, at + modulus) });
  }
  return rows;
}

function levelOf(x: number, y: number, j: number, modulus: number): keyof VotingLevels {
  if (j === (x + y) % modulus) return "correct";
  return j === (2 * x) % modulus || j === (2 * y) % modulus ? "spurious" : "background";
}

function meanWhere(rows: readonly Row[], wanted: keyof VotingLevels): number {
  let sum = 0;
  let count = 0;
  for (const { x, y, values } of rows) {
    for (let j = 0; j < values.length; j++) {
      if (levelOf(x, y, j, values.length) !== wanted) continue;
      sum += values[j]!;
      count += 1;
    }
  }
  return sum / count;
}

function marginOf({ x, y, values }: Row, modulus: number): WorstPair {
  const correct = (x + y) % modulus;
  let rival = correct === 0 ? 1 : 0;
  for (let j = 0; j < modulus; j++) if (j !== correct && values[j]! > values[rival]!) rival = j;
  const isSpurious = levelOf(x, y, rival, modulus) === "spurious";
  return { x, y, margin: values[correct]! - values[rival]!, rival, isSpurious };
}

/** Softmax probability of the correct residue. */
function truth({ x, y, values }: Row, modulus: number): number {
  const correct = values[(x + y) % modulus]!;
  return 1 / values.reduce((sum, value) => sum + Math.exp(value - correct), 0);
}
