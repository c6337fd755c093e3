import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core";
import type { Problem, Trace } from "../engine.ts";
import { type TensorActivation, tensorActivation } from "./activations.ts";
import type { TensorFlow } from "./backend.ts";
import { noPair, type PairTables, pairTables, type Target, tensorsOfTables } from "./pair-tables.ts";

/** [M, p] each. */
export interface LayerTensors {
  readonly theta: Tensor2D;
  readonly xi: Tensor2D;
}

/** One row of a `Trace`. */
export type TraceRow = { [column in keyof Trace]: number };

/** Of one state: what is traced, and d trainLoss / d theta and d xi. */
export interface Evaluation {
  readonly row: TraceRow;
  /** Whether every loss that there is, is a finite number. */
  readonly finite: boolean;
  readonly gradient: LayerTensors;
}

/** Activations, pairs times neurons, in one piece: 16 MiB. Wider networks are taken so many neurons at a time. */
export const mostActivations = 2 ** 22;

/** Within these, a float32 sum of squares has lost nothing that counts to underflow or overflow. */
const [leastSquares, mostSquares] = [1e-25, 1e35];

const columns = ["trainLoss", "testLoss"] as const;
const counts = ["correctCommon", "correctRare", "correctPartner", "correctHeldOut"] as const;

/**
 * Loss, counts and gradients of networks for one problem. Hidden activations are [M, U], neurons times unordered pairs: so
 * none of the products has a transposed factor, which TensorFlow.js' own backends are slow at.
 */
export class GradientsOfProblem {
  readonly #tf: TensorFlow;
  readonly #tables: PairTables;
  readonly #activation: TensorActivation;
  readonly #width: number;
  readonly #mostActivations: number;

  /** @param most - activations in one piece; makes no difference but to memory and rounding */
  constructor(tf: TensorFlow, problem: Problem, most = mostActivations) {
    this.#tf = tf;
    this.#mostActivations = most;
    this.#tables = pairTables(tf, problem);
    this.#activation = tensorActivation(tf, problem.activation);
    this.#width = problem.width;
  }

  /** The caller disposes of the gradient. */
  evaluate(weights: LayerTensors): Evaluation {
    const tf = this.#tf;
    const { result, gradient } = tf.tidy(() => {
      const blocks = this.#blocks(weights);
      // A network in one piece keeps its activations for the way back; others compute them again.
      const kept = blocks.length === 1 ? this.#hidden(blocks[0]) : undefined;
      const logits = this.#logits(blocks, kept);
      const { slope, numbers } = this.#softmax(logits);
      const backward = blocks.map((block) => this.#backward(block, slope, kept));
      const theta = tf.concat(
        backward.map((block) => block.theta),
        0,
      );
      const xi = tf.concat(
        backward.map((block) => block.xi),
        0,
      );
      const squares = [theta, xi, weights.theta, weights.xi].map((t) => tf.sum(tf.square(t), 1));
      // One transfer: on a GPU each takes as long as many operations.
      const result = tf.concat1d([...numbers, ...squares].map((t) => tf.reshape(t, [t.size])));
      return { result, gradient: { theta, xi } };
    });
    const values = result.dataSync() as Float32Array;
    result.dispose();
    return { ...this.#read(values, weights, gradient), gradient };
  }

  /** What it holds from call to call. */
  tensors(): Tensor[] {
    return tensorsOfTables(this.#tables);
  }

  #blocks({ theta, xi }: LayerTensors): LayerTensors[] {
    const { modulus, pairs } = this.#tables;
    const rows = Math.max(1, Math.floor(this.#mostActivations / pairs));
    if (rows >= this.#width) return [{ theta, xi }];
    return Array.from({ length: Math.ceil(this.#width / rows) }, (_, i) => {
      const size = Math.min(rows, this.#width - i * rows);
      const slice = (layer: Tensor2D) => this.#tf.slice2d(layer, [i * rows, 0], [size, modulus]);
      return { theta: slice(theta), xi: slice(xi) };
    });
  }

  /** z = theta[x] + theta[y] and h = sigma(z), [rows, U]. */
  #hidden({ theta }: LayerTensors): { z: Tensor; h: Tensor } {
    const z = this.#tf.matMul(theta, this.#tables.incidenceTransposed);
    return { z, h: this.#activation.value(z) };
  }

  /** [U, p] */
  #logits(blocks: readonly LayerTensors[], kept: { h: Tensor } | undefined): Tensor {
    const tf = this.#tf;
    const product = (block: LayerTensors) =>
      tf.tidy(() => tf.matMul(tf.transpose(block.xi), kept?.h ?? this.#hidden(block).h));
    const [first, ...rest] = blocks;
    const sum = rest.reduce<Tensor>((total, block) => {
      const part = product(block);
      const next = tf.add(total, part);
      tf.dispose([total, part]);
      return next;
    }, product(first));
    return tf.transpose(sum);
  }

  /**
   * d trainLoss / d logits, [U, p], and the numbers that losses and counts are made of. The label is left out of the sum of
   * exponentials, and gets its own entry, softmax - 1, from that sum: so that both keep their digits where the softmax there
   * is almost 1.
   */
  #softmax(logits: Tensor): { slope: Tensor; numbers: Tensor[] } {
    const tf = this.#tf;
    const { descending, targets } = this.#tables;
    const top = tf.max(logits, 1, true);
    const below = tf.sub(logits, top);
    const exponentials = tf.exp(below);
    const total = tf.sum(exponentials, 1, true);
    // TensorFlow leaves open which of several largest its argMax names.
    const best = tf.max(tf.mul(tf.cast(tf.equal(logits, top), "float32"), descending), 1);
    const ofTarget = ({ oneHot, others, weight }: Target) => {
      const rest = tf.mul(exponentials, others);
      const sum = tf.sum(rest, 1, true);
      const slope = tf.mul(tf.sub(rest, tf.mul(oneHot, sum)), tf.div(weight, total));
      return { slope, numbers: [tf.sum(tf.mul(below, oneHot), 1), sum] };
    };
    const parts = targets.map(ofTarget);
    const slope = parts.map((part) => part.slope).reduce((sum, part) => tf.add(sum, part));
    return { slope, numbers: [best, ...parts.flatMap((part) => part.numbers)] };
  }

  #backward(block: LayerTensors, slope: Tensor, kept: { z: Tensor; h: Tensor } | undefined): LayerTensors {
    const tf = this.#tf;
    return tf.tidy(() => {
      const { z, h } = kept ?? this.#hidden(block);
      const hiddenSlope = tf.matMul(block.xi, tf.transpose(slope));
      const innerSlope = tf.mul(hiddenSlope, this.#activation.derivative(z, h));
      const theta = tf.matMul<Tensor2D>(innerSlope, this.#tables.incidence);
      return { theta, xi: tf.matMul<Tensor2D>(h, slope) };
    });
  }

  /** Losses and counts in float64 from the numbers of `#softmax`, and the norms. */
  #read(values: Float32Array, weights: LayerTensors, gradient: LayerTensors): Omit<Evaluation, "gradient"> {
    const { modulus, pairs, targets, orders, trainPairs, testPairs } = this.#tables;
    let offset = 0;
    const next = (length: number) => {
      offset += length;
      return values.subarray(offset - length, offset);
    };
    const best = next(pairs).map((descending) => modulus - descending);
    const perTarget = targets.map(({ labels }) => ({ labels, below: next(pairs), others: next(pairs) }));
    const [thetaSlope, xiSlope, theta, xi] = [0, 1, 2, 3].map(() => sum(next(this.#width)));
    const row = {
      trainLoss: trainPairs > 0 ? 0 : Number.NaN,
      testLoss: testPairs > 0 ? 0 : Number.NaN,
      correctCommon: 0,
      correctRare: 0,
      correctPartner: 0,
      correctHeldOut: 0,
      gradientNorm: norm(thetaSlope + xiSlope, gradient),
      parameterNorm: norm(theta + xi, weights),
    };
    for (const { target, classes } of orders) {
      const { labels, below, others } = perTarget[target];
      for (let u = 0; u < pairs; u++) {
        const pairClass = classes[u];
        if (pairClass === noPair) continue;
        const loss = crossEntropy(-below[u], others[u]);
        if (pairClass < 2) row.trainLoss += loss / trainPairs;
        else row.testLoss += loss / testPairs;
        if (best[u] === labels[u]) row[counts[pairClass]]++;
      }
    }
    const present = columns.filter((_, i) => [trainPairs, testPairs][i] > 0);
    return { row, finite: present.every((column) => Number.isFinite(row[column])) };
  }
}

/**
 * -log softmax of the label, nats.
 *
 * @param base - the largest logit minus the label's
 * @param others - sum over the other labels of e^{logit - largest}
 */
function crossEntropy(base: number, others: number): number {
  // The largest logit's own 1 is among the others, unless it is the label's. (NaN goes the second way, and stays.)
  const excess = base > 0 ? others - 1 + Math.exp(-base) : others;
  return base + Math.log1p(excess);
}

function sum(values: Float32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** Frobenius norm from the sum of squares in float32, or from the values themselves where those are too small or large for it. */
function norm(squares: number, layers: LayerTensors): number {
  if (squares > leastSquares && squares < mostSquares) return Math.sqrt(squares);
  let exact = 0;
  for (const layer of [layers.theta, layers.xi]) {
    for (const value of layer.dataSync()) exact += value * value;
  }
  return Math.sqrt(exact);
}
