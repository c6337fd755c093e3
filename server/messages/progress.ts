import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ExtraMeasuresSchema,
  ProgressEndReason,
  type ProgressPointSchema,
  type ScoresSchema,
  Stage as StageMessage,
} from "@grokbox/proto/progress";
import { WatchProgressResponseSchema } from "@grokbox/proto/training";
import type { Evaluation } from "../model/evaluation.ts";
import type { Stage } from "../model/stages.ts";
import { extraMeasures } from "../sessions/extra-measures.ts";
import type { ProgressPoint } from "../sessions/progress-log.ts";
import type { WatchEvent } from "../sessions/watch.ts";
import { defined } from "./defined.ts";
import { Encoded } from "./encoded.ts";

const stages: Readonly<Record<Stage, StageMessage>> = {
  memorization: StageMessage.MEMORIZATION,
  generalization: StageMessage.GENERALIZATION,
  cleanup: StageMessage.CLEANUP,
};

const endReasons = {
  deleted: ProgressEndReason.DELETED,
  shutdown: ProgressEndReason.SHUTDOWN,
  idle: ProgressEndReason.IDLE,
} as const;

export function stageMessage(stage: Stage | undefined): StageMessage {
  return stage === undefined ? StageMessage.UNSPECIFIED : stages[stage];
}

export function scoresMessage(scores: Partial<Evaluation>): MessageInitShape<typeof ScoresSchema> {
  const { trainLoss, testLoss, trainAccuracy, testAccuracy, common, rare, partner, heldOut } = scores;
  return {
    ...defined({ trainLoss, testLoss, trainAccuracy, testAccuracy }),
    accuracy: defined({ common, rare, partner, heldOut }),
  };
}

export function pointMessage(point: ProgressPoint): MessageInitShape<typeof ProgressPointSchema> {
  const { ipr, meanAbsSinMisalignment, parameterNorm, gradientNorm } = point;
  return {
    sequence: BigInt(point.sequence),
    step: BigInt(point.step),
    scores: scoresMessage(point),
    ...defined({ ipr, meanAbsSinMisalignment, extra: extraMessage(point) }),
    parameterNorm,
    gradientNorm,
    stage: stageMessage(point.stage),
  };
}

/** Undefined for a point that carries none. */
function extraMessage(point: ProgressPoint): MessageInitShape<typeof ExtraMeasuresSchema> | undefined {
  const carried = extraMeasures.filter((measure) => point[measure] !== undefined);
  if (carried.length === 0) return undefined;
  return Object.fromEntries(carried.map((measure) => [measure, point[measure]]));
}

/** A batch by its points, which the log gives to all subscribers that have got equally far: encoded once, sent to each. */
const batches = new WeakMap<readonly ProgressPoint[], Encoded>();

export function watchMessage(
  event: WatchEvent,
): MessageInitShape<typeof WatchProgressResponseSchema> | Encoded {
  switch (event.kind) {
    case "opened": {
      const value = {
        epoch: event.epoch,
        oldestSequence: BigInt(event.oldest),
        newestSequence: BigInt(event.newest),
      };
      return { event: { case: "opened", value } };
    }
    case "batch": {
      const { points } = event;
      let batch = batches.get(points);
      if (batch === undefined) {
        const value = { points: points.map(pointMessage) };
        batch = Encoded.of(WatchProgressResponseSchema, { event: { case: "batch", value } });
        batches.set(points, batch);
      }
      return batch;
    }
    case "heartbeat": {
      const value = { newestSequence: BigInt(event.newest), step: BigInt(event.step) };
      return { event: { case: "heartbeat", value } };
    }
    case "gap": {
      const value = { firstSequence: BigInt(event.first), lastSequence: BigInt(event.last) };
      return { event: { case: "gap", value } };
    }
    case "end": {
      const value = { reason: endReasons[event.reason], newestSequence: BigInt(event.newest) };
      return { event: { case: "end", value } };
    }
  }
}
