import { type ProgressPoint as PointMessage, Stage as StageMessage } from "@grokbox/proto/progress";
import { defined } from "./defined.ts";
import { badAnswer } from "./error.ts";
import { type ExtraMeasures, fromExtraMeasures } from "./extra-measures.ts";
import { type ClassAccuracy, fromScores } from "./scores.ts";
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
   * Inverse participation ratio over frequencies, mean of both layers, 1/K to 1. Absent when no row has any frequency, and at steps
   * where `SessionInfo.measures` don't ask for it.
   */
  readonly ipr?: number;
  /** Mean over neurons of |sin(2 phi - psi)| at their dominant frequency, 0 to 1; absent as `ipr` is. */
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
  const { trainLoss, trainAccuracy, ...scores } = fromScores(message?.scores);
  if (message === undefined || trainLoss === undefined || trainAccuracy === undefined) {
    throw badAnswer("the server sent a progress point without a training loss or accuracy");
  }
  const { ipr, meanAbsSinMisalignment, extra } = message;
  return {
    kind: "point",
    sequence: fromUint64(message.sequence),
    step: fromUint64(message.step),
    trainLoss,
    trainAccuracy,
    ...scores,
    ...defined({ ipr, meanAbsSinMisalignment }),
    parameterNorm: message.parameterNorm,
    gradientNorm: message.gradientNorm,
    ...defined({ stage: fromStage(message.stage), extra: extra && fromExtraMeasures(extra), epoch }),
  };
}

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
