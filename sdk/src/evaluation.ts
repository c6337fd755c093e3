import type { EvaluateResponse, PairGrids as PairGridsMessage } from "@grokbox/proto/analysis";
import type { ActivationScores as ActivationScoresMessage } from "@grokbox/proto/training";
import { defined } from "./defined.ts";
import { fromScores, type Scores } from "./scores.ts";
import { fromFloat32Tensor, fromUint32Tensor, type Tensor } from "./tensor.ts";
import { fromUint64 } from "./uint64.ts";

/** How one state does over all p^2 pairs and over the classes of pairs. */
export interface Evaluation {
  /** The step evaluated. */
  readonly step: number;
  readonly scores: Scores;
  /** Over all p^2 pairs, 0 to 1. */
  readonly accuracy: number;
  /** Mean cross-entropy over all p^2 pairs, nats. Absent when it is not finite. */
  readonly loss?: number;
  /** With both layers projected on each neuron's dominant frequency. */
  readonly dominantOnly: Scores;
  /** With that frequency taken out of both layers. */
  readonly dominantRemoved: Scores;
  /** Frobenius norm of all weights. */
  readonly parameterNorm: number;
  /**
   * Share of test pairs whose other order is trained on and has the same label: the test accuracy that symmetry alone brings, 0 for
   * subtraction. Absent without a test set.
   */
  readonly predictedPlateau?: number;
  /** When they were asked for. */
  readonly grids?: PairGrids;
}

/** One value an ordered pair (x, y), [p, p], x outermost. */
export interface PairGrids {
  /** 1 where the largest logit is the label's, else 0. */
  readonly correct: Tensor<Uint32Array>;
  /** Softmax probability of the label, 0 to 1. Absent when a logit is not finite. */
  readonly probability?: Tensor;
  /** 0 common, 1 rare, 2 partner, 3 held out. */
  readonly pairClass: Tensor<Uint32Array>;
}

/** How the weights do under one activation. */
export interface ActivationScores {
  /** Never an alias. */
  readonly activation: string;
  readonly scores: Scores;
  /** Over all p^2 pairs, 0 to 1. */
  readonly accuracy: number;
  /** Mean cross-entropy over all p^2 pairs, nats. Absent when it is not finite. */
  readonly loss?: number;
}

export function fromEvaluation(message: EvaluateResponse): Evaluation {
  const { accuracy, loss, parameterNorm, predictedPlateau, grids } = message;
  return {
    step: fromUint64(message.step),
    scores: fromScores(message.scores),
    accuracy,
    ...defined({ loss }),
    dominantOnly: fromScores(message.dominantOnly),
    dominantRemoved: fromScores(message.dominantRemoved),
    parameterNorm,
    ...defined({ predictedPlateau }),
    ...(grids === undefined ? {} : { grids: fromGrids(grids) }),
  };
}

export function fromGrids({ correct, probability, pairClass }: PairGridsMessage): PairGrids {
  return {
    correct: fromUint32Tensor(correct),
    ...(probability === undefined ? {} : { probability: fromFloat32Tensor(probability) }),
    pairClass: fromUint32Tensor(pairClass),
  };
}

export function fromActivationScores(message: ActivationScoresMessage): ActivationScores {
  const { activation, accuracy, loss } = message;
  return { activation, scores: fromScores(message.scores), accuracy, ...defined({ loss }) };
}
