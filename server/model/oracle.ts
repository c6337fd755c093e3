import { activate, derivative } from "./activation.ts";
import { learningRateAt } from "./learning-rate.ts";
import { isTrained } from "./pair-class.ts";
import type { Activation, Optimizer, Schedule } from "./spec.ts";

/** What the loss of a network is computed from. */
export interface LossProblem {
  readonly modulus: number;
  readonly width: number;
  readonly activation: Activation;
  /** [p, p], the label of each ordered pair. */
  readonly labels: Uint8Array;
  /** [p, p], the `PairClass` of each ordered pair. */
  readonly classes: Uint8Array;
}

/** What a trainer minimizes, and how. */
export interface TrainingProblem extends LossProblem {
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
}

/** Numbers in a row, of either precision. */
export type Vector = Float32Array | Float64Array;

/** State to train from; moments left out are zero. [M, p] row-major each. */
export interface TrainingStart {
  /** Updates made so far, 0 by default. */
  readonly step?: number;
  readonly theta: Vector;
  readonly xi: Vector;
  readonly moments?: {
    readonly thetaFirst: Vector;
    readonly thetaSecond: Vector;
    readonly xiFirst: Vector;
    readonly xiSecond: Vector;
  };
}

/** Loss of a state and its gradients. */
export interface Gradients<V extends Vector = Float64Array> {
  /** [M, p], d trainLoss / d theta, without decay. */
  readonly thetaGradient: V;
  /** [M, p], d trainLoss / d xi, without decay. */
  readonly xiGradient: V;
  /** Mean cross-entropy over the training pairs, nats. */
  readonly trainLoss: number;
  /** The same over the test pairs; absent without any. */
  readonly testLoss?: number;
  /** Ordered pairs of each class whose argmax, ties to the lowest index, is the label. */
  readonly correct: readonly [number, number, number, number];
  /** Frobenius norm of both gradients together. */
  readonly gradientNorm: number;
}

/**
 * Losses and gradients in float64, the oracle that engines are compared with: every ordered pair by itself, plain
 * sums in order, and nothing shared between (x, y) and (y, x).
 */
export function gradients(problem: LossProblem, theta: Vector, xi: Vector): Gradients {
  const { modulus, width, activation, labels, classes } = problem;
  const thetaGradient = new Float64Array(width * modulus);
  const xiGradient = new Float64Array(width * modulus);
  const hidden = new Float64Array(width);
  const trainPairs = classes.filter(isTrained).length;
  const correct: [number, number, number, number] = [0, 0, 0, 0];
  let trainSum = 0;
  let testSum = 0;
  for (let pair = 0; pair < modulus * modulus; pair++) {
    const y = pair % modulus;
    const x = (pair - y) / modulus;
    const logits = new Float64Array(modulus);
    for (let m = 0; m < width; m++) {
      hidden[m] = activate(activation, theta[m * modulus + x] + theta[m * modulus + y]);
      for (let j = 0; j < modulus; j++) logits[j] += hidden[m] * xi[m * modulus + j];
    }
    const { loss, slope, best } = crossEntropy(logits, labels[pair]);
    if (best === labels[pair]) correct[classes[pair]]++;
    if (!isTrained(classes[pair])) {
      testSum += loss;
      continue;
    }
    trainSum += loss;
    for (let j = 0; j < modulus; j++) slope[j] /= trainPairs;
    for (let m = 0; m < width; m++) {
      let hiddenSlope = 0;
      for (let j = 0; j < modulus; j++) {
        hiddenSlope += slope[j] * xi[m * modulus + j];
        xiGradient[m * modulus + j] += slope[j] * hidden[m];
      }
      const inner = theta[m * modulus + x] + theta[m * modulus + y];
      const innerSlope = hiddenSlope * derivative(activation, inner);
      thetaGradient[m * modulus + x] += innerSlope;
      thetaGradient[m * modulus + y] += innerSlope;
    }
  }
  const losses = { trainLoss: trainSum / trainPairs };
  const testPairs = modulus * modulus - trainPairs;
  return {
    thetaGradient,
    xiGradient,
    ...(testPairs === 0 ? losses : { ...losses, testLoss: testSum / testPairs }),
    correct,
    gradientNorm: Math.sqrt(squaredNorm(thetaGradient) + squaredNorm(xiGradient)),
  };
}

/**
 * Cross-entropy of one row of logits and its gradient softmax - onehot. The label's own entry is minus the sum of the
 * others, which keeps its digits when the softmax there is almost 1.
 */
function crossEntropy(
  logits: Float64Array,
  label: number,
): { loss: number; slope: Float64Array; best: number } {
  let best = 0;
  for (let j = 1; j < logits.length; j++) if (logits[j] > logits[best]) best = j;
  const slope = logits.map((logit) => Math.exp(logit - logits[best]));
  const others = slope.reduce((sum, term, j) => (j === best ? sum : sum + term), 0);
  let wrong = 0;
  for (let j = 0; j < slope.length; j++) {
    slope[j] /= 1 + others;
    if (j !== label) wrong += slope[j];
  }
  slope[label] = -wrong;
  return { loss: logits[best] - logits[label] + Math.log1p(others), slope, best };
}

function squaredNorm(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}

/** Trains in float64 with PyTorch's AdamW or SGD. Its arrays are [M, p] row-major and change in place. */
export class OracleTrainer {
  readonly theta: Float64Array;
  readonly xi: Float64Array;
  readonly moments: {
    readonly thetaFirst: Float64Array;
    readonly thetaSecond: Float64Array;
    readonly xiFirst: Float64Array;
    readonly xiSecond: Float64Array;
  };
  readonly #problem: TrainingProblem;
  #updates: number;

  constructor(problem: TrainingProblem, start: TrainingStart) {
    const size = start.theta.length;
    this.#problem = problem;
    this.#updates = start.step ?? 0;
    this.theta = Float64Array.from(start.theta);
    this.xi = Float64Array.from(start.xi);
    this.moments = {
      thetaFirst: Float64Array.from(start.moments?.thetaFirst ?? new Float64Array(size)),
      thetaSecond: Float64Array.from(start.moments?.thetaSecond ?? new Float64Array(size)),
      xiFirst: Float64Array.from(start.moments?.xiFirst ?? new Float64Array(size)),
      xiSecond: Float64Array.from(start.moments?.xiSecond ?? new Float64Array(size)),
    };
  }

  /** Updates made so far, those before `start` included. */
  get updates(): number {
    return this.#updates;
  }

  /** Losses and gradients of the present state. */
  gradients(): Gradients {
    return gradients(this.#problem, this.theta, this.xi);
  }

  /** Makes one update, and returns the losses and gradients of the state that it left. */
  step(): Gradients {
    const before = this.gradients();
    const { thetaFirst, thetaSecond, xiFirst, xiSecond } = this.moments;
    this.#update(this.theta, before.thetaGradient, thetaFirst, thetaSecond);
    this.#update(this.xi, before.xiGradient, xiFirst, xiSecond);
    this.#updates++;
    return before;
  }

  #update(weights: Float64Array, gradient: Float64Array, first: Float64Array, second: Float64Array): void {
    const { optimizer, schedule } = this.#problem;
    const rate = learningRateAt(optimizer, schedule, this.#updates);
    if (optimizer.kind === "sgd") {
      for (let i = 0; i < weights.length; i++) {
        weights[i] -= rate * (gradient[i] + optimizer.weightDecay * weights[i]);
      }
      return;
    }
    const { beta1, beta2, epsilon, weightDecay } = optimizer;
    const firstCorrection = 1 - beta1 ** (this.#updates + 1);
    const secondCorrection = Math.sqrt(1 - beta2 ** (this.#updates + 1));
    for (let i = 0; i < weights.length; i++) {
      first[i] = beta1 * first[i] + (1 - beta1) * gradient[i];
      second[i] = beta2 * second[i] + (1 - beta2) * gradient[i] * gradient[i];
      weights[i] *= 1 - rate * weightDecay;
      weights[i] -=
        ((rate / firstCorrection) * first[i]) / (Math.sqrt(second[i]) / secondCorrection + epsilon);
    }
  }
}
