import { type ProgressPoint as PointMessage, Stage as StageMessage } from "@grokbox/proto/progress";
import { badAnswer } from "./error.ts";
import { type ExtraMeasures, fromExtraMeasures } from "./extra-measures.ts";
import { type ClassAccuracy, fromClassAccuracy } from "./scores.ts";
import { fromUint64 } from "./uint64.ts";

/** The stages of a grokking run. */
export type Stage = "memorization" | "generalization" | "cleanup";

/** The progress measures of a session at one step: all of the state after `step` updates. */
export interface ProgressPoint {
  readonly kind: "point";
  /** Position in the session's log, from 1, without holes. */
  readonly sequence: number;
  /**
   * The log that `sequence` counts in; on points that were watched. Together they are what `Session.watch` takes to go on from
   * there.
   */
  readonly epoch?: string;
  /** Updates made. */
  readonly step: number;
  /** Mean cross-entropy over the training pairs, nats. */
  readonly trainLoss: number;
  /** The same over the test pairs; absent without a test set. */
  readonly testLoss?: number;
  /** 0 to 1. */
  readonly trainAccuracy: number;
  /** 0 to 1; absent without a test set. */
  readonly testAccuracy?: number;
  readonly accuracy: ClassAccuracy;
  /**
   * Inverse participation ratio over frequencies, mean of both layers, 1/K to 1. Absent when a layer has no row with any frequency, and at steps
   * where `SessionInfo.measures` don't ask for it.
   */
  readonly ipr?: number;
  /**
   * Mean over neurons of |sin(2 phi - psi)| at their dominant frequency, 0 to 1. Absent when no neuron has it in both layers, and at
   * steps where `SessionInfo.measures` don't ask for it.
   */
  readonly meanAbsSinMisalignment?: number;
  /** Frobenius norm of all weights. */
  readonly parameterNorm: number;
  /** Frobenius norm of the gradient of the training loss, without decay. */
  readonly gradientNorm: number;
  /** As far as was known when the point was recorded; absent without a test set. */
  readonly stage?: Stage;
  /** The extra measures that `SessionInfo.measures` ask for at this step; absent where they ask for none. */
  readonly extra?: ExtraMeasures;
}

export function fromPoint(message: PointMessage | undefined, epoch?: string): ProgressPoint {
  const scores = message?.scores;
  if (message === undefined || scores?.trainLoss === undefined || scores.trainAccuracy === undefined) {
    throw badAnswer("the server sent a progress point without a training loss or accuracy");
  }
  const { ipr, meanAbsSinMisalignment, extra } = message;
  const { testLoss, testAccuracy } = scores;
  const stage = fromStage(message.stage);
  // By assignments: a watcher makes thousands a second, and each spread is an object more.
  const point: Writable<ProgressPoint> = {
    kind: "point",
    sequence: fromUint64(message.sequence),
    step: fromUint64(message.step),
    trainLoss: scores.trainLoss,
    trainAccuracy: scores.trainAccuracy,
    accuracy: fromClassAccuracy(scores.accuracy),
    parameterNorm: message.parameterNorm,
    gradientNorm: message.gradientNorm,
  };
  if (testLoss !== undefined) point.testLoss = testLoss;
  if (testAccuracy !== undefined) point.testAccuracy = testAccuracy;
  if (ipr !== undefined) point.ipr = ipr;
  if (meanAbsSinMisalignment !== undefined) point.meanAbsSinMisalignment = meanAbsSinMisalignment;
  if (stage !== undefined) point.stage = stage;
  if (extra !== undefined) point.extra = fromExtraMeasures(extra);
  if (epoch !== undefined) point.epoch = epoch;
  return point;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

export function fromStage(stage: StageMessage): Stage | undefined {
  switch (stage) {
    case StageMessage.MEMORIZATION:
      return "memorization";
    case StageMessage.GENERALIZATION:
      return "generalization";
    case StageMessage.CLEANUP:
      return "cleanup";
    default:
      return undefined;
  }
}
