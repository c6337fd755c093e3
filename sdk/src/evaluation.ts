import type { EvaluateResponse } from "@grokbox/proto/analysis";
import type { ActivationScores as ActivationScoresMessage } from "@grokbox/proto/training";
import { defined } from "./defined.ts";
import { fromScores, type Scores } from "./scores.ts";
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
  const { accuracy, loss, parameterNorm } = message;
  return {
    step: fromUint64(message.step),
    scores: fromScores(message.scores),
    accuracy,
    ...defined({ loss }),
    dominantOnly: fromScores(message.dominantOnly),
    dominantRemoved: fromScores(message.dominantRemoved),
    parameterNorm,
  };
}

export function fromActivationScores(message: ActivationScoresMessage): ActivationScores {
  const { activation, accuracy, loss } = message;
  return { activation, scores: fromScores(message.scores), accuracy, ...defined({ loss }) };
}
