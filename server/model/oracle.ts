import { activate, derivative } from "./activation.ts";
import { factorGradients, productOf } from "./learned-embedding.ts";
import { learningRateAt } from "./learning-rate.ts";
import type { Factors, NetworkState, Vector } from "./network-state.ts";
import { isTrained } from "./pair-class.ts";
import type { Activation, Optimizer, Schedule } from "./spec.ts";
import { stateOfTrained, type TrainedArray, trainedArrays } from "./trained-arrays.ts";

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

/** State to train from: moments left out are zero, averages left out begin with the first gradient. `step` is 0 by default. */
export type TrainingStart = Omit<NetworkState<Vector>, "step"> & { readonly step?: number };

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
  /** Of theta's factors, when the embedding is learned. */
  readonly factorGradients?: Factors<V>;
  /** Frobenius norm of the gradients of all trained arrays together. */
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

/** Trains in float64 with PyTorch's AdamW or SGD, with or without Grokfast and a learned embedding. Its arrays change in place. */
export class OracleTrainer {
  /** [M, p] row-major. */
  readonly theta: Float64Array;
  /** [M, p] row-major. */
  readonly xi: Float64Array;
  readonly #problem: TrainingProblem;
  readonly #trained: readonly TrainedArray<Float64Array>[];
  #updates: number;
  /** Averages have begun. */
  #averages: boolean;

  constructor(problem: TrainingProblem, start: TrainingStart) {
    this.#problem = problem;
    this.#updates = start.step ?? 0;
    this.#averages = start.averages !== undefined;
    this.#trained = trainedArrays(start, (values) => Float64Array.from(values));
    const weights = (name: string) => this.#trained.find((array) => array.name === name)?.weights;
    this.theta = weights("theta") ?? productOf(start.factors!, problem.modulus);
    this.xi = weights("xi")!;
  }

  /** Updates made so far, those before `start` included. */
  get updates(): number {
    return this.#updates;
  }

  /** Shares this trainer's arrays. Moments and averages are there also where the optimizer has none, as zeros. */
  get state(): NetworkState<Float64Array> {
    return stateOfTrained(this.#updates, this.theta, this.#trained);
  }

  /** Losses and gradients of the present state. */
  gradients(): Gradients {
    const found = gradients(this.#problem, this.theta, this.xi);
    const { factors } = this.state;
    if (factors === undefined) return found;
    const ofFactors = factorGradients(factors, found.thetaGradient, this.#problem.modulus);
    const { embedding, projection } = ofFactors;
    const squares = squaredNorm(embedding) + squaredNorm(projection) + squaredNorm(found.xiGradient);
    return { ...found, factorGradients: ofFactors, gradientNorm: Math.sqrt(squares) };
  }

  /** Makes one update, by default with the gradients of the present state; returns these, with the losses of the state that it left. */
  step(before: Gradients = this.gradients()): Gradients {
    const { thetaGradient: theta, xiGradient: xi, factorGradients: ofFactors } = before;
    const byName = { theta, xi, ...ofFactors } as Record<string, Float64Array>;
    for (const array of this.#trained) this.#update(array, byName[array.name]);
    this.#averages = this.#problem.optimizer.grokfast !== undefined;
    this.#updates++;
    const { factors } = this.state;
    if (factors !== undefined) this.theta.set(productOf(factors, this.#problem.modulus));
    return before;
  }

  #update({ weights, first, second, average }: TrainedArray<Float64Array>, raw: Float64Array): void {
    const { optimizer, schedule } = this.#problem;
    const { grokfast } = optimizer;
    const rate = learningRateAt(optimizer, schedule, this.#updates);
    const gradient = raw.slice();
    if (grokfast !== undefined) {
      const { alpha, lambda } = grokfast;
      for (let i = 0; i < raw.length; i++) {
        average[i] = this.#averages ? alpha * average[i] + (1 - alpha) * raw[i] : raw[i];
        gradient[i] += lambda * average[i];
      }
    }
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
