import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  type SweepDefinition as DefinitionMessage,
  SweepState as StateMessage,
  type Sweep as SweepMessage,
} from "@grokbox/proto/sweep";
import { defined } from "./defined.ts";
import { nameOf } from "./enum-name.ts";
import { badAnswer, type FieldViolation } from "./error.ts";
import { fromRunPlan, type RunPlanUnderWay } from "./run-plan.ts";
import { fromParameter, type SweepParameter } from "./sweep-parameter.ts";
import { fromUint64 } from "./uint64.ts";

const states = {
  running: StateMessage.RUNNING,
  paused: StateMessage.PAUSED,
  finished: StateMessage.FINISHED,
  cancelled: StateMessage.CANCELLED,
} as const;

/** What a sweep does; a cancelled one keeps what had finished. */
export type SweepState = keyof typeof states;

/** How many runs have finished, by how they ended; see `SweepRun.outcome`. */
export type SweepCounts = Readonly<
  Record<"target" | "condition" | "diverged" | "failed" | "invalid", number>
>;

/** A sweep as it was when the server last told of it. */
export interface SweepInfo {
  /** sweeps/{id} */
  readonly name: string;
  readonly title: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: SweepState;
  readonly createTime?: Date;
  /** All runs: groups times seeds. */
  readonly runs: number;
  /** Groups of runs that differ only in their seed. */
  readonly groups: number;
  /** Runs that have finished. */
  readonly done: number;
  readonly finished: SweepCounts;
  /** Names of the sessions of runs under way. */
  readonly sessions: readonly string[];
  /** Updates made so far, by all runs together. */
  readonly steps: number;
  /** Updates that a run makes at most. */
  readonly untilStep: number;
  /** Over the last minute at most; 0 when it isn't running or nothing is known yet. */
  readonly stepsPerSecond: number;
  /** An estimate, by the mean length of the runs that have finished; absent when it isn't running or nothing is known yet. */
  readonly secondsLeft?: number;
  /** Why no further run can begin at the moment, for people; empty when all is well. */
  readonly waitsFor: string;
  /** Sequence of the run that finished last; 0 when none has. */
  readonly newestSequence: number;
  /** Groups whose runs can't begin; they end as `invalid` when it is their turn. */
  readonly invalidGroups: number;
  /** What is wrong with them, each wrong value once, at most 20; absent where the definition is. */
  readonly invalidValues?: readonly FieldViolation[];
  /** What it was asked to do; absent in lists and where it was watched. */
  readonly definition?: SweepDefinition;
}

/** What a sweep was asked to do, but for what its specs have in common. */
export interface SweepDefinition {
  /** Of a grid, in their order; none of a list. */
  readonly axes: readonly {
    readonly parameter: SweepParameter;
    readonly values: readonly (number | string)[];
  }[];
  readonly seeds: readonly number[];
  readonly plan: RunPlanUnderWay;
  readonly maxParallel: number;
  readonly keepSessions: boolean;
  /** One invalid cell was to be enough for it to be refused. */
  readonly refuseInvalid: boolean;
}

export function fromSweep(message: SweepMessage | undefined): SweepInfo {
  if (message === undefined) throw badAnswer("the server left out the sweep");
  const { name, title, labels, createTime, runs, groups, sessions, stepsPerSecond, waitsFor, invalidGroups } =
    message;
  const { target = 0, condition = 0, diverged = 0, failed = 0, invalid = 0 } = message.finished ?? {};
  return {
    ...{ name, title, labels, runs, groups, sessions, stepsPerSecond, waitsFor, invalidGroups },
    state: nameOf(states, message.state) ?? unknownState(message),
    done: target + condition + diverged + failed + invalid,
    finished: { target, condition, diverged, failed, invalid },
    steps: fromUint64(message.steps),
    untilStep: fromUint64(message.untilStep),
    newestSequence: fromUint64(message.newestSequence),
    ...defined({
      createTime: createTime && timestampDate(createTime),
      secondsLeft: message.secondsLeft,
      definition: message.definition && fromDefinition(message.definition),
      invalidValues:
        message.definition && message.invalidValues.map(({ field, description }) => ({ field, description })),
    }),
  };
}

function fromDefinition(message: DefinitionMessage): SweepDefinition {
  const { cells, seeds, plan, maxParallel = 0, keepSessions, refuseInvalid } = message;
  if (plan === undefined) throw badAnswer("the server left out the plan of a sweep");
  const axes = cells.case === "grid" ? cells.value.axes : [];
  return {
    axes: axes.flatMap((axis) => {
      const parameter = fromParameter(axis.parameter);
      if (parameter === undefined) return [];
      return [{ parameter, values: axis.names.length > 0 ? axis.names : axis.values }];
    }),
    plan: fromRunPlan(plan),
    ...{ seeds, maxParallel, keepSessions, refuseInvalid },
  };
}

function unknownState({ name, state }: SweepMessage): never {
  throw badAnswer(`${name} is in state ${state}, which this version of the SDK doesn't know`);
}
