import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core";
import type { Problem, TrainerState, Weights } from "../engine.ts";
import type { TensorFlow } from "./backend.ts";
import { type Evaluation, GradientsOfProblem, type LayerTensors, type TraceRow } from "./gradients.ts";
import { type Layer, type Update, updateOf } from "./update.ts";

interface Layers {
  readonly theta: Layer;
  readonly xi: Layer;
}

/** One network in training, its state in tensors, with the gradient of that state at hand. */
export class ResidentNetwork {
  step: number;
  readonly #tf: TensorFlow;
  readonly #gradients: GradientsOfProblem;
  readonly #update: Update;
  #layers: Layers;
  #current: Evaluation;

  /** Leaves nothing behind when it throws, as when there is no memory. */
  static open(tf: TensorFlow, problem: Problem, state: TrainerState): ResidentNetwork {
    let network: ResidentNetwork | undefined;
    tf.tidy(() => {
      network = new ResidentNetwork(tf, problem, state);
      return network.#tensors();
    });
    return network!;
  }

  private constructor(tf: TensorFlow, problem: Problem, state: TrainerState) {
    this.#tf = tf;
    this.step = state.step;
    this.#update = updateOf(tf, problem);
    this.#layers = layersOf(tf, problem, state);
    this.#gradients = new GradientsOfProblem(tf, problem);
    this.#current = this.#gradients.evaluate(weightsOf(this.#layers));
  }

  /** Of the state at `step`. */
  get row(): TraceRow {
    return this.#current.row;
  }

  /** Makes one update, unless the loss would not be finite after it: then changes nothing and returns false. */
  advance(): boolean {
    const { theta, xi } = this.#layers;
    const { gradient } = this.#current;
    let next: { layers: Layers; evaluation: Evaluation } | undefined;
    this.#tf.tidy(() => {
      const layers = {
        theta: this.#update(theta, gradient.theta, this.step),
        xi: this.#update(xi, gradient.xi, this.step),
      };
      const evaluation = this.#gradients.evaluate(weightsOf(layers));
      if (!evaluation.finite) return [];
      next = { layers, evaluation };
      return tensorsOfState(layers, evaluation);
    });
    if (!next) return false;
    this.#tf.dispose(tensorsOfState(this.#layers, this.#current));
    this.#layers = next.layers;
    this.#current = next.evaluation;
    this.step++;
    return true;
  }

  /** Copies. */
  weights(): Weights {
    const { theta, xi } = this.#layers;
    return { theta: copyOf(theta.weights), xi: copyOf(xi.weights) };
  }

  /** A copy. */
  state(): TrainerState {
    const { theta, xi } = this.#layers;
    const state = { step: this.step, ...this.weights() };
    if (!theta.first || !theta.second || !xi.first || !xi.second) return state;
    const moments = {
      thetaFirst: copyOf(theta.first),
      thetaSecond: copyOf(theta.second),
      xiFirst: copyOf(xi.first),
      xiSecond: copyOf(xi.second),
    };
    return { ...state, moments };
  }

  dispose(): void {
    this.#tf.dispose(this.#tensors());
  }

  #tensors(): Tensor[] {
    return [...tensorsOfState(this.#layers, this.#current), ...this.#gradients.tensors()];
  }
}

function tensorsOfState({ theta, xi }: Layers, { gradient }: Evaluation): Tensor[] {
  return [...Object.values(theta), ...Object.values(xi), gradient.theta, gradient.xi];
}

function layersOf(
  tf: TensorFlow,
  { modulus, width, optimizer }: Problem,
  { theta, xi, moments }: TrainerState,
): Layers {
  const tensor = (values: Float32Array | undefined): Tensor2D =>
    values ? tf.tensor2d(values, [width, modulus], "float32") : tf.zeros([width, modulus]);
  const layer = (weights: Float32Array, first?: Float32Array, second?: Float32Array): Layer =>
    optimizer.kind === "sgd"
      ? { weights: tensor(weights) }
      : { weights: tensor(weights), first: tensor(first), second: tensor(second) };
  return {
    theta: layer(theta, moments?.thetaFirst, moments?.thetaSecond),
    xi: layer(xi, moments?.xiFirst, moments?.xiSecond),
  };
}

function weightsOf({ theta, xi }: Layers): LayerTensors {
  return { theta: theta.weights, xi: xi.weights };
}

function copyOf(tensor: Tensor2D): Float32Array {
  return (tensor.dataSync() as Float32Array).slice();
}
