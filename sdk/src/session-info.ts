import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  type PairCounts as PairCountsMessage,
  type Session as SessionMessage,
  SessionState as StateMessage,
  StopKind as StopKindMessage,
} from "@grokbox/proto/session";
import { defined } from "./defined.ts";
import { type Durability, fromDurability } from "./durability.ts";
import { nameOf } from "./enum-name.ts";
import { badAnswer, invalidField } from "./error.ts";
import { fromLineage, type Lineage } from "./lineage.ts";
import { fromMeasureSchedule, type ScheduledMeasure } from "./measure-schedule.ts";
import { fromPoint, fromStage, type ProgressPoint, type Stage } from "./progress-point.ts";
import { fromRunPlan, type RunPlanUnderWay } from "./run-plan.ts";
import { fromEvent, type SessionEvent } from "./session-event.ts";
import { fromSchedule, type SnapshotSchedule } from "./snapshot-schedule.ts";
import { fromSpec, type Spec } from "./spec.ts";
import { fromTrigger, type Trigger } from "./trigger.ts";
import { fromOptionalUint64, fromUint64 } from "./uint64.ts";

const states = {
  idle: StateMessage.IDLE,
  stepping: StateMessage.STEPPING,
  running: StateMessage.RUNNING,
  paused: StateMessage.PAUSED,
  diverged: StateMessage.DIVERGED,
} as const;

/** What a session does. A diverged one is at its last good step. */
export type SessionState = keyof typeof states;

const stopKinds = {
  target: StopKindMessage.TARGET,
  condition: StopKindMessage.CONDITION,
  paused: StopKindMessage.PAUSED,
  diverged: StopKindMessage.DIVERGED,
  cancelled: StopKindMessage.CANCELLED,
  shutdown: StopKindMessage.SHUTDOWN,
  failed: StopKindMessage.FAILED,
} as const;

/** Why training stopped. */
export interface StopReason {
  readonly kind: keyof typeof stopKinds | "unknown";
  /** For people, e.g. `test_accuracy >= 0.99 for 10 recorded steps`. */
  readonly detail: string;
  /** The step at which it stopped. */
  readonly step: number;
}

/** A session as it was when the server last told of it. */
export interface SessionInfo {
  /** sessions/{id} */
  readonly name: string;
  readonly spec: Spec;
  readonly state: SessionState;
  /** Updates made. */
  readonly step: number;
  /** Absent before the first stop and during a run. */
  readonly stopReason?: StopReason;
  readonly labels: Readonly<Record<string, string>>;
  /** That computes its steps; it stays on it until it is moved. */
  readonly engine: string;
  /** Why this engine, e.g. "webgpu: 41,000 steps/s beside 4,800 of cpu, for p = 23, M = 512". */
  readonly engineReason: string;
  readonly createTime?: Date;
  /** The newest progress point. */
  readonly latest?: ProgressPoint;
  /** Absent without a test set. */
  readonly stages?: Stages;
  /** The run under way. */
  readonly run?: RunPlanUnderWay;
  /** Ordered pairs by class; they add up to p^2. */
  readonly pairCounts: PairCounts;
  /** The preset that it was started from, or empty. */
  readonly preset: string;
  /** What changed its course, oldest first. */
  readonly events: readonly SessionEvent[];
  /** Where it was forked from; absent when it was not. */
  readonly parent?: Lineage;
  /** Absent on a server that keeps everything in memory. */
  readonly durability?: Durability;
  /** Which snapshots it keeps by itself; absent for none. */
  readonly snapshotSchedule?: SnapshotSchedule;
  /** What it does when a measure crosses a value. */
  readonly triggers: readonly Trigger[];
  /** Steps between progress points. */
  readonly recordEvery: number;
  /** Which extra measures its points carry, and how often; and of the others that can be scheduled, those that not every point carries. */
  readonly measures: readonly ScheduledMeasure[];
  /** The run of a sweep that it was made for; it belongs to the sweep until that run has ended. */
  readonly sweep?: { readonly name: string; readonly run: number };
}

/** Where the stages end, dated back; provisional while the session trains. */
export interface Stages {
  readonly current?: Stage;
  /** First step from which train accuracy stays 1. */
  readonly memorizationEnd?: number;
  /** Step of the parameter norm's maximum after that. */
  readonly generalizationEnd?: number;
}

export type PairCounts = Readonly<
  Record<"train" | "test" | "common" | "rare" | "partner" | "heldOut", number>
>;

export function fromSession(message: SessionMessage | undefined): SessionInfo {
  if (message === undefined) throw badAnswer("the server left out the session");
  const { name, engine, engineReason, preset, recordEvery, createTime } = message;
  const { latest, stopReason, stages, run, parent, durability, snapshotSchedule } = message;
  return {
    name,
    spec: fromSpec(message.spec),
    state: nameOf(states, message.state) ?? unknownState(message),
    step: fromUint64(message.step),
    labels: message.labels,
    engine,
    engineReason,
    preset,
    pairCounts: fromPairCounts(message.pairCounts),
    events: message.events.flatMap(fromEvent),
    triggers: message.triggers.flatMap(fromTrigger),
    recordEvery,
    measures: fromMeasureSchedule(message.measureSchedule),
    ...defined({
      createTime: createTime && timestampDate(createTime),
      latest: latest && fromPoint(latest),
      run: run && fromRunPlan(run),
      parent: parent && fromLineage(parent),
      durability: durability && fromDurability(durability),
      sweep: message.sweep && { name: message.sweep.sweep, run: message.sweep.run },
      snapshotSchedule: snapshotSchedule && fromSchedule(snapshotSchedule),
      stopReason: stopReason && {
        kind: nameOf(stopKinds, stopReason.kind) ?? "unknown",
        detail: stopReason.detail,
        step: fromUint64(stopReason.step),
      },
      stages:
        stages &&
        defined({
          current: fromStage(stages.current),
          memorizationEnd: fromOptionalUint64(stages.memorizationEnd),
          generalizationEnd: fromOptionalUint64(stages.generalizationEnd),
        }),
    }),
  };
}

/** The proto's number of a state, the i-th of a filter. */
export function toState(state: SessionState, i: number): StateMessage {
  if (Object.hasOwn(states, state)) return states[state];
  throw invalidField(`states[${i}]`, `must be one of ${Object.keys(states).join(", ")}`, state);
}

function fromPairCounts(message: PairCountsMessage | undefined): PairCounts {
  const { train = 0, test = 0, common = 0, rare = 0, partner = 0, heldOut = 0 } = message ?? {};
  return { train, test, common, rare, partner, heldOut };
}

function unknownState({ name, state }: SessionMessage): never {
  throw badAnswer(`${name} is in state ${state}, which this version of the SDK doesn't know`);
}
