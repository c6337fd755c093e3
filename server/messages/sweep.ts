import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type GroupBandsSchema,
  SweepState as StateMessage,
  SweepEndReason,
  SweepOutcome,
  type SweepRunSchema,
  type SweepSchema,
  type WatchSweepResponseSchema,
} from "@grokbox/proto/sweep";
import { coordinatesOf, groupCount } from "../model/sweep-grid.ts";
import type { SweepState } from "../sessions/sweeps/state.ts";
import { type Outcome, pointOf, type RunSummary } from "../sessions/sweeps/summary.ts";
import type { Sweep } from "../sessions/sweeps/sweep.ts";
import type { groupBands } from "../sessions/sweeps/sweep-bands.ts";
import type { SweepEvent } from "../sessions/sweeps/watch.ts";
import { defined } from "./defined.ts";
import { measureNumber } from "./measure.ts";
import { pointMessage } from "./progress.ts";
import { definitionMessage } from "./sweep-definition.ts";
import { coordinateMessage } from "./sweep-parameter.ts";

const states: Readonly<Record<SweepState, StateMessage>> = {
  running: StateMessage.RUNNING,
  paused: StateMessage.PAUSED,
  finished: StateMessage.FINISHED,
  cancelled: StateMessage.CANCELLED,
  deleted: StateMessage.UNSPECIFIED,
};

const outcomes: Readonly<Record<Outcome, SweepOutcome>> = {
  target: SweepOutcome.TARGET,
  condition: SweepOutcome.CONDITION,
  diverged: SweepOutcome.DIVERGED,
  failed: SweepOutcome.FAILED,
  invalid: SweepOutcome.INVALID,
};

/** A field of a definition, as an answer names it. */
export const inDefinition = (field: string) => `definition.${field}`;

/**
 * As it is now; the definition may be long, and never changes.
 *
 * @param state - what it is about to be @default what it is
 */
export function sweepMessage(
  sweep: Sweep,
  { withDefinition = false, state = sweep.state } = {},
): MessageInitShape<typeof SweepSchema> {
  const { name, identity, definition, invalid, ledger } = sweep;
  return {
    name,
    title: definition.title,
    labels: { ...definition.labels },
    state: states[state],
    createTime: timestampFromMs(identity.createTimeMs),
    runs: ledger.runs,
    groups: groupCount(definition.cells),
    finished: ledger.counts,
    sessions: sweep.active.map((session) => session.name),
    steps: BigInt(sweep.stepsMade),
    untilStep: BigInt(definition.plan.untilStep),
    ...sweep.progress(state),
    waitsFor: sweep.waitsFor,
    newestSequence: BigInt(ledger.newest),
    invalidGroups: invalid.groups,
    ...(withDefinition
      ? {
          definition: definitionMessage(definition),
          invalidValues: invalid.values.map(({ field, description }) => ({
            field: inDefinition(field),
            description,
          })),
        }
      : {}),
  };
}

/** A finished run, as the store has it. */
export function runMessage(
  { definition }: Sweep,
  { run, sequence, finishTimeMs, body }: Extract<SweepEvent, { kind: "runs" }>["rows"][number],
): MessageInitShape<typeof SweepRunSchema> {
  const { cells, seeds } = definition;
  const summary = body as RunSummary;
  const { memorizationEnd, generalizationEnd, grokkingStep, final, forecastRight } = summary;
  const step = (value: number | undefined) => (value === undefined ? undefined : BigInt(value));
  const group = Math.floor(run / seeds.length);
  return {
    run,
    sequence: BigInt(sequence),
    group,
    seed: seeds[run % seeds.length]!,
    coordinates: coordinatesOf(cells, group).map(coordinateMessage),
    outcome: outcomes[summary.outcome],
    detail: summary.detail,
    step: BigInt(summary.step),
    session: summary.session ?? "",
    finishTime: timestampFromMs(finishTimeMs),
    ...defined({
      memorizationEnd: step(memorizationEnd),
      generalizationEnd: step(generalizationEnd),
      grokkingStep: step(grokkingStep),
      final: final && pointMessage(pointOf(final)),
      forecastRight,
    }),
  };
}

const endReasons = {
  finished: SweepEndReason.FINISHED,
  cancelled: SweepEndReason.CANCELLED,
  deleted: SweepEndReason.DELETED,
  shutdown: SweepEndReason.SHUTDOWN,
} as const;

export function sweepEventMessage(
  sweep: Sweep,
  event: SweepEvent,
): MessageInitShape<typeof WatchSweepResponseSchema> {
  switch (event.kind) {
    case "opened":
      return { event: { case: "opened", value: sweepMessage(sweep) } };
    case "runs":
      return { event: { case: "runs", value: { runs: event.rows.map((row) => runMessage(sweep, row)) } } };
    case "progress":
      return { event: { case: "progress", value: sweepMessage(sweep) } };
    case "end":
      return {
        event: { case: "end", value: { reason: endReasons[event.reason], sweep: sweepMessage(sweep) } },
      };
  }
}

export function bandsMessage(
  { definition }: Sweep,
  group: number,
  { runs, bands }: Awaited<ReturnType<typeof groupBands>>,
): MessageInitShape<typeof GroupBandsSchema> {
  return {
    group,
    coordinates: coordinatesOf(definition.cells, group).map(coordinateMessage),
    runs,
    bands: bands.map(({ measure, points }) => ({
      measure: measureNumber(measure),
      points: points.map((point) => ({ ...point, step: BigInt(point.step) })),
    })),
  };
}
