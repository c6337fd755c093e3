import { activate, derivative } from "./activation.ts";
import { learningRateAt } from "./learning-rate.ts";
import type { Factors, NetworkState } from "./network-state.ts";
import type { Gradients, LossProblem, TrainingProblem, TrainingStart } from "./oracle.ts";
import { isTrained } from "./pair-class.ts";
import type { Activation } from "./spec.ts";
import { stateOfTrained, type TrainedArray, trainedArrays } from "./trained-arrays.ts";

const fround = Math.fround;

/**
 * Losses and gradients in plain float32: the oracle's algorithm with every operation rounded to float32 and sums taken
 * in order. Its distance from the oracle is the error that an ordinary float32 program makes, by which an engine's is
 * judged. Losses are of the rounded logits; counts and norms are as in the oracle.
 */
export function float32Gradients(
  problem: LossProblem,
  theta: Float32Array,
  xi: Float32Array,
): Gradients<Float32Array> {
  const { modulus, width, activation, labels, classes } = problem;
  const thetaGradient = new Float32Array(width * modulus);
  const xiGradient = new Float32Array(width * modulus);
  const hidden = new Float32Array(width);
  const logits = new Float32Array(modulus);
  const trainPairs = classes.filter(isTrained).length;
  const correct: [number, number, number, number] = [0, 0, 0, 0];
  let trainSum = 0;
  let testSum = 0;
  for (let pair = 0; pair < modulus * modulus; pair++) {
    const y = pair % modulus;
    const x = (pair - y) / modulus;
    logits.fill(0);
    for (let m = 0; m < width; m++) {
      const start = m * modulus;
      const value = activate32(activation, fround(theta[start + x] + theta[start + y]));
      hidden[m] = value;
      for (let j = 0; j < modulus; j++) logits[j] += fround(value * xi[start + j]);
    }
    const { loss, slope, best } = crossEntropy32(logits, labels[pair]);
    if (best === labels[pair]) correct[classes[pair]]++;
    if (!isTrained(classes[pair])) {
      testSum = fround(testSum + loss);
      continue;
    }
    trainSum = fround(trainSum + loss);
    for (let j = 0; j < modulus; j++) slope[j] /= trainPairs;
    for (let m = 0; m < width; m++) {
      const start = m * modulus;
      const value = hidden[m];
      let hiddenSlope = 0;
      for (let j = 0; j < modulus; j++) {
        hiddenSlope = fround(hiddenSlope + fround(slope[j] * xi[start + j]));
        xiGradient[start + j] += fround(slope[j] * value);
      }
      const inner = fround(theta[start + x] + theta[start + y]);
      const innerSlope = fround(hiddenSlope * derivative32(activation, inner));
      thetaGradient[start + x] += innerSlope;
      thetaGradient[start + y] += innerSlope;
    }
  }
  const losses = { trainLoss: fround(trainSum / trainPairs) };
  const testPairs = modulus * modulus - trainPairs;
  return {
    thetaGradient,
    xiGradient,
    ...(testPairs === 0 ? losses : { ...losses, testLoss: fround(testSum / testPairs) }),
    correct,
    gradientNorm: fround(Math.sqrt(squaredNorm32(thetaGradient) + squaredNorm32(xiGradient))),
  };
}

/** sigma(z): powers by float32 products, the others rounded from float64 as a good float32 library rounds them. */
function activate32(activation: Activation, z: number): number {
  switch (activation) {
    case "x^2":
      return fround(z * z);
    case "x^3":
      return fround(fround(z * z) * z);
    case "x^4":
      return square32(square32(z));
    case "x^8":
      return square32(square32(square32(z)));
    default:
      return fround(activate(activation, z));
  }
}

function derivative32(activation: Activation, z: number): number {
  switch (activation) {
    case "x^3":
      return fround(3 * square32(z));
    case "x^4":
      return fround(4 * fround(square32(z) * z));
    case "x^8":
      return fround(8 * fround(fround(square32(square32(z)) * square32(z)) * z));
    default:
      return fround(derivative(activation, z));
  }
}

function square32(z: number): number {
  return fround(z * z);
}

function crossEntropy32(
  logits: Float32Array,
  label: number,
): { loss: number; slope: Float32Array; best: number } {
  let best = 0;
  for (let j = 1; j < logits.length; j++) if (logits[j] > logits[best]) best = j;
  const max = logits[best];
  const slope = logits.map((logit) => Math.exp(fround(logit - max)));
  const total = slope.reduce((sum, term) => fround(sum + term), 0);
  for (let j = 0; j < slope.length; j++) slope[j] /= total;
  slope[label] -= 1;
  return { loss: fround(fround(max - logits[label]) + fround(Math.log(total))), slope, best };
}

function squaredNorm32(values: Float32Array): number {
  return values.reduce((sum, value) => fround(sum + fround(value * value)), 0);
}

/** theta = W_in W_E, [M, p], summed in order. */
function product32({ projection, embedding }: Factors, modulus: number): Float32Array {
  const dimension = embedding.length / modulus;
  const width = projection.length / dimension;
  const theta = new Float32Array(width * modulus);
  for (let m = 0; m < width; m++) {
    for (let e = 0; e < dimension; e++) {
      const factor = projection[m * dimension + e];
      for (let j = 0; j < modulus; j++) theta[m * modulus + j] += fround(factor * embedding[e * modulus + j]);
    }
  }
  return theta;
}

function factorGradients32(
  { projection, embedding }: Factors,
  thetaGradient: Float32Array,
  modulus: number,
): Factors {
  const dimension = embedding.length / modulus;
  const width = projection.length / dimension;
  const gradients = {
    projection: new Float32Array(projection.length),
    embedding: new Float32Array(embedding.length),
  };
  for (let m = 0; m < width; m++) {
    for (let e = 0; e < dimension; e++) {
      for (let j = 0; j < modulus; j++) {
        const [slope, at] = [thetaGradient[m * modulus + j], e * modulus + j];
        gradients.projection[m * dimension + e] += fround(slope * embedding[at]);
        gradients.embedding[at] += fround(projection[m * dimension + e] * slope);
      }
    }
  }
  return gradients;
}

/** Trains in plain float32; scalars are float64 until they meet an array, as in PyTorch. */
export class Float32ReferenceTrainer {
  /** [M, p] row-major. */
  readonly theta: Float32Array;
  /** [M, p] row-major. */
  readonly xi: Float32Array;
  readonly #problem: TrainingProblem;
  readonly #trained: readonly TrainedArray<Float32Array>[];
  #updates: number;
  /** Averages have begun. */
  #averages: boolean;

  constructor(problem: TrainingProblem, start: TrainingStart) {
    this.#problem = problem;
    this.#updates = start.step ?? 0;
    this.#averages = start.averages !== undefined;
    this.#trained = trainedArrays(start, (values) => Float32Array.from(values));
    const weights = (name: string) => this.#trained.find((array) => array.name === name)?.weights;
    this.theta = weights("theta") ?? product32(this.state.factors!, problem.modulus);
    this.xi = weights("xi")!;
  }

  /** Updates made so far, those before `start` included. */
  get updates(): number {
    return this.#updates;
  }

  /** Shares this trainer's arrays. Moments and averages are there also where the optimizer has none, as zeros. */
  get state(): NetworkState {
    return stateOfTrained(this.#updates, this.theta, this.#trained);
  }

  /** Losses and gradients of the present state. */
  gradients(): Gradients<Float32Array> {
    const found = float32Gradients(this.#problem, this.theta, this.xi);
    const { factors } = this.state;
    if (factors === undefined) return found;
    const ofFactors = factorGradients32(factors, found.thetaGradient, this.#problem.modulus);
    const arrays = [ofFactors.embedding, ofFactors.projection, found.xiGradient];
    const squares = arrays.reduce((sum, values) => fround(sum + squaredNorm32(values)), 0);
    return { ...found, factorGradients: ofFactors, gradientNorm: fround(Math.sqrt(squares)) };
  }

  /** Makes one update, and returns the losses and gradients of the state that it left. */
  step(): Gradients<Float32Array> {
    const before = this.gradients();
    const { thetaGradient: theta, xiGradient: xi, factorGradients: ofFactors } = before;
    const byName = { theta, xi, ...ofFactors } as Record<string, Float32Array>;
    for (const array of this.#trained) this.#update(array, byName[array.name]);
    this.#averages = this.#problem.optimizer.grokfast !== undefined;
    this.#updates++;
    const { factors } = this.state;
    if (factors !== undefined) this.theta.set(product32(factors, this.#problem.modulus));
    return before;
  }

  #update({ weights, first, second, average }: TrainedArray<Float32Array>, raw: Float32Array): void {
    const { optimizer, schedule } = this.#problem;
    const rate = learningRateAt(optimizer, schedule, this.#updates);
    const gradient = this.#amplified(raw, average);
    if (optimizer.kind === "sgd") {
      const rate32 = fround(rate);
      const decay = fround(optimizer.weightDecay);
      for (let i = 0; i < weights.length; i++) {
        weights[i] -= fround(rate32 * fround(gradient[i] + fround(decay * weights[i])));
      }
      return;
    }
    const { beta1, beta2 } = optimizer;
    const [keepFirst, addFirst] = [fround(beta1), fround(1 - beta1)];
    const [keepSecond, addSecond] = [fround(beta2), fround(1 - beta2)];
    const shrink = fround(1 - rate * optimizer.weightDecay);
    const epsilon = fround(optimizer.epsilon);
    const stepSize = fround(rate / (1 - beta1 ** (this.#updates + 1)));
    const secondCorrection = fround(Math.sqrt(1 - beta2 ** (this.#updates + 1)));
    for (let i = 0; i < weights.length; i++) {
      const slope = gradient[i];
      first[i] = fround(keepFirst * first[i]) + fround(addFirst * slope);
      second[i] = fround(keepSecond * second[i]) + fround(fround(addSecond * slope) * slope);
      const divisor = fround(fround(fround(Math.sqrt(second[i])) / secondCorrection) + epsilon);
      weights[i] = fround(weights[i] * shrink) - fround(stepSize * fround(first[i] / divisor));
    }
  }

  /** The gradient that the optimizer gets; `average` goes on by one. */
  #amplified(raw: Float32Array, average: Float32Array): Float32Array {
    const { grokfast } = this.#problem.optimizer;
    if (grokfast === undefined) return raw;
    const [keep, add, factor] = [fround(grokfast.alpha), fround(1 - grokfast.alpha), fround(grokfast.lambda)];
    return raw.map((slope, i) => {
      average[i] = this.#averages ? fround(average[i] * keep) + fround(slope * add) : slope;
      return slope + fround(average[i] * factor);
    });
  }
}
