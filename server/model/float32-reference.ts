import { activate, derivative } from "./activation.ts";
import { learningRateAt } from "./learning-rate.ts";
import type { Gradients, LossProblem, TrainingProblem, TrainingStart } from "./oracle.ts";
import { isTrained } from "./pair-class.ts";
import type { Activation } from "./spec.ts";

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

/** Trains in plain float32; scalars are float64 until they meet an array, as in PyTorch. */
export class Float32ReferenceTrainer {
  readonly theta: Float32Array;
  readonly xi: Float32Array;
  readonly moments: {
    readonly thetaFirst: Float32Array;
    readonly thetaSecond: Float32Array;
    readonly xiFirst: Float32Array;
    readonly xiSecond: Float32Array;
  };
  readonly #problem: TrainingProblem;
  #updates: number;

  constructor(problem: TrainingProblem, start: TrainingStart) {
    const size = start.theta.length;
    this.#problem = problem;
    this.#updates = start.step ?? 0;
    this.theta = Float32Array.from(start.theta);
    this.xi = Float32Array.from(start.xi);
    this.moments = {
      thetaFirst: Float32Array.from(start.moments?.thetaFirst ?? new Float32Array(size)),
      thetaSecond: Float32Array.from(start.moments?.thetaSecond ?? new Float32Array(size)),
      xiFirst: Float32Array.from(start.moments?.xiFirst ?? new Float32Array(size)),
      xiSecond: Float32Array.from(start.moments?.xiSecond ?? new Float32Array(size)),
    };
  }

  /** Updates made so far, those before `start` included. */
  get updates(): number {
    return this.#updates;
  }

  /** Losses and gradients of the present state. */
  gradients(): Gradients<Float32Array> {
    return float32Gradients(this.#problem, this.theta, this.xi);
  }

  /** Makes one update, and returns the losses and gradients of the state that it left. */
  step(): Gradients<Float32Array> {
    const before = this.gradients();
    const { thetaFirst, thetaSecond, xiFirst, xiSecond } = this.moments;
    this.#update(this.theta, before.thetaGradient, thetaFirst, thetaSecond);
    this.#update(this.xi, before.xiGradient, xiFirst, xiSecond);
    this.#updates++;
    return before;
  }

  #update(weights: Float32Array, gradient: Float32Array, first: Float32Array, second: Float32Array): void {
    const { optimizer, schedule } = this.#problem;
    const rate = learningRateAt(optimizer, schedule, this.#updates);
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
}
