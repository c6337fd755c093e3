import { timestampDate } from "@bufbuild/protobuf/wkt";
import { SweepOutcome as OutcomeMessage, type SweepRun as RunMessage } from "@grokbox/proto/sweep";
import { defined } from "./defined.ts";
import { nameOf } from "./enum-name.ts";
import { fromPoint, type ProgressPoint } from "./progress-point.ts";
import { type Coordinates, fromCoordinates } from "./sweep-parameter.ts";
import { fromOptionalUint64, fromUint64 } from "./uint64.ts";

const outcomes = {
  target: OutcomeMessage.TARGET,
  condition: OutcomeMessage.CONDITION,
  diverged: OutcomeMessage.DIVERGED,
  failed: OutcomeMessage.FAILED,
  invalid: OutcomeMessage.INVALID,
} as const;

/**
 * How a run ended: at its last step, by a stop condition, by a loss that was NaN or infinite, because it could not go on, or because
 * its spec is none.
 */
export type SweepOutcome = keyof typeof outcomes | "unknown";

/** A finished run of a sweep: one spec with one seed. The same whatever interrupted the sweep, but for `sequence` and `finishTime`. */
export interface SweepRun {
  readonly kind: "run";
  /** From 0: group times seeds plus the position of its seed. */
  readonly run: number;
  /** Position in the order in which runs finish, increasing, from 1. */
  readonly sequence: number;
  /** From 0; its runs differ only in their seed. */
  readonly group: number;
  readonly seed: number;
  /** Its value of each swept parameter. */
  readonly coordinates: Coordinates;
  readonly outcome: SweepOutcome;
  /** Why it ended, for people. */
  readonly detail: string;
  /** Updates made. */
  readonly step: number;
  /** First step from which train accuracy stays 1. */
  readonly memorizationEnd?: number;
  /** Step of the parameter norm's maximum after that. */
  readonly generalizationEnd?: number;
  /** First recorded step from which test accuracy stays at 0.99 or more. */
  readonly grokkingStep?: number;
  /** The measures of its last state; absent when it never began. */
  readonly final?: Omit<ProgressPoint, "sequence" | "epoch">;
  /** Share of neurons, 0 to 1, whose frequency at the end was forecast from the weights of step 0; absent when it never began. */
  readonly forecastRight?: number;
  /** Name of its session, with `keepSessions`. */
  readonly session?: string;
  readonly finishTime?: Date;
}

export function fromSweepRun(message: RunMessage): SweepRun {
  const { run, group, seed, coordinates, detail, session, finishTime, final, forecastRight } = message;
  return {
    kind: "run",
    ...{ run, group, seed, detail },
    sequence: fromUint64(message.sequence),
    coordinates: fromCoordinates(coordinates),
    outcome: nameOf(outcomes, message.outcome) ?? "unknown",
    step: fromUint64(message.step),
    ...defined({
      memorizationEnd: fromOptionalUint64(message.memorizationEnd),
      generalizationEnd: fromOptionalUint64(message.generalizationEnd),
      grokkingStep: fromOptionalUint64(message.grokkingStep),
      final: final && withoutSequence(fromPoint(final)),
      forecastRight,
      session: session === "" ? undefined : session,
      finishTime: finishTime && timestampDate(finishTime),
    }),
  };
}

function withoutSequence({ sequence: _, ...point }: ProgressPoint): Omit<ProgressPoint, "sequence"> {
  return point;
}
