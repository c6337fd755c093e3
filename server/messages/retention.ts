import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  Changes as ChangesMessage,
  ChangesSchema,
  SnapshotSchedule as ScheduleMessage,
  SnapshotScheduleSchema,
  Trigger as TriggerMessage,
  TriggerSchema,
} from "@grokbox/proto/retention";
import { Task as TaskMessage } from "@grokbox/proto/spec";
import type { Spec } from "../model/spec.ts";
import { type Changes, changedSpec, changesViolations, unchanged } from "../sessions/changes.ts";
import type { SnapshotSchedule } from "../sessions/schedule.ts";
import type { Session } from "../sessions/session.ts";
import { enumName } from "../sessions/stop-conditions.ts";
import type { Trigger, TriggerAction } from "../sessions/triggers.ts";
import type { Checks } from "./checks.ts";
import { defined } from "./defined.ts";
import { hasMeasure } from "./measure.ts";
import { parseThreshold, thresholdMessage } from "./plan.ts";
import { protoPath, specInput, specInputMessage } from "./spec.ts";

const maxStep = Number.MAX_SAFE_INTEGER;
const maxTriggers = 16;

/** A schedule; undefined for one that keeps nothing. */
export function parseSchedule(
  checks: Checks,
  field: string,
  message: ScheduleMessage | undefined,
): SnapshotSchedule | undefined {
  if (message === undefined) return undefined;
  const everySteps = checks.integer(`${field}.every_steps`, message.everySteps, 1, 1e9);
  if (message.atSteps.length > 1_000) {
    checks.fail(`${field}.at_steps`, "must be at most 1000", message.atSteps.length);
  }
  const atSteps = message.atSteps
    .slice(0, 1_000)
    .map((step, i) => checks.integer(`${field}.at_steps[${i}]`, step, 1, maxStep, 1));
  const { powersOfTwo, atStageChanges } = message;
  const retain = checks.integer(`${field}.retain`, message.retain, 1, 1_000, 100);
  const nothing = everySteps === undefined && !powersOfTwo && !atStageChanges && atSteps.length === 0;
  if (nothing) return undefined;
  return {
    ...defined({ everySteps }),
    powersOfTwo,
    atStageChanges,
    atSteps: [...new Set(atSteps)].sort((a, b) => a - b),
    retain,
  };
}

export function scheduleMessage({
  everySteps,
  powersOfTwo,
  atSteps,
  atStageChanges,
  retain,
}: SnapshotSchedule): MessageInitShape<typeof SnapshotScheduleSchema> {
  return {
    ...defined({ everySteps: everySteps === undefined ? undefined : BigInt(everySteps) }),
    powersOfTwo,
    atSteps: atSteps.map(BigInt),
    atStageChanges,
    retain,
  };
}

/** Changes, checked against the spec that they are made to. */
export function parseChanges(
  checks: Checks,
  field: string,
  message: ChangesMessage | undefined,
  spec: Spec,
): Changes {
  if (message === undefined) return unchanged;
  for (const name of ["modulus", "width", "task", "init", "seed"] as const) {
    const given = message.spec?.[name];
    // A task of 0 is none.
    if (given !== undefined && !(name === "task" && given === TaskMessage.UNSPECIFIED))
      checks.fail(`${field}.spec.${name}`, "must be left out: a fork can't change it");
  }
  if (message.spec?.embedding !== undefined)
    checks.fail(`${field}.spec.embedding`, "must be left out: a fork can't change it");
  const { removeFrequencies, keepFrequencies } = message;
  if (removeFrequencies.length > 0 && keepFrequencies.length > 0) {
    checks.fail(`${field}.keep_frequencies`, "must be empty with remove_frequencies");
  }
  for (const [name, list] of Object.entries({
    remove_frequencies: removeFrequencies,
    keep_frequencies: keepFrequencies,
  })) {
    if (list.length > 99) checks.fail(`${field}.${name}`, "must be at most 99", list.length);
  }
  // What can't be changed was refused as such, whatever it says.
  const changeable = message.spec && { ...message.spec, task: TaskMessage.UNSPECIFIED, init: undefined };
  const { activation, optimizer, schedule, split } = specInput(checks, changeable);
  const changes: Changes = {
    spec: { ...defined({ activation }), ...defined({ optimizer, schedule, split }) },
    removeFrequencies: removeFrequencies.slice(0, 99),
    keepFrequencies: keepFrequencies.slice(0, 99),
  };
  const after = changedSpec(spec, changes);
  for (const violation of changesViolations(spec, changes)) {
    const inSpec = /^spec\.(.*)$/.exec(violation.field);
    const path = inSpec === null ? violation.field : protoPath(inSpec[1]!, after);
    checks.add([{ field: `${field}.${path}`, description: violation.description }]);
  }
  return changes;
}

export function changesMessage(changes: Changes): MessageInitShape<typeof ChangesSchema> {
  const { removeFrequencies, keepFrequencies } = changes;
  return {
    spec: specInputMessage(changes.spec),
    removeFrequencies: [...removeFrequencies],
    keepFrequencies: [...keepFrequencies],
  };
}

/** All triggers of a session. */
export function parseTriggers(
  checks: Checks,
  messages: readonly TriggerMessage[],
  session: Session,
): Trigger[] {
  if (messages.length > maxTriggers)
    checks.fail("triggers", `must be at most ${maxTriggers}`, messages.length);
  const triggers = messages
    .slice(0, maxTriggers)
    .map((message, i) => parseTrigger(checks, `triggers[${i}]`, message, session));
  const names = triggers.map(({ name }) => name);
  if (new Set(names).size !== names.length) checks.fail("triggers", "must have different names", names);
  return triggers;
}

function parseTrigger(checks: Checks, field: string, message: TriggerMessage, session: Session): Trigger {
  const { name, repeat } = message;
  if (!/^[a-z0-9-]{1,63}$/.test(name)) {
    checks.fail(`${field}.name`, "must be 1 to 63 characters of [a-z0-9-]", name);
  }
  if (message.when === undefined) checks.fail(`${field}.when`, "must be set");
  const when = parseThreshold(checks, `${field}.when`, message.when);
  if (message.when !== undefined && !hasMeasure(session, when.measure)) {
    const must = `must be a measure that ${session.name} has; got ${enumName(when.measure)}`;
    checks.fail(`${field}.when.measure`, must);
  }
  return { name, when, repeat, action: parseAction(checks, field, message, session.spec) };
}

function parseAction(checks: Checks, field: string, { action }: TriggerMessage, spec: Spec): TriggerAction {
  switch (action.case) {
    case "snapshot":
      return { kind: "snapshot", label: parseLabel(checks, `${field}.snapshot.label`, action.value.label) };
    case "pause":
      return { kind: "pause" };
    case "fork": {
      const { changes, labels, runUntilStep } = action.value;
      const until = checks.integer(`${field}.fork.run_until_step`, runUntilStep, 1, maxStep);
      return {
        kind: "fork",
        changes: parseChanges(checks, `${field}.fork.changes`, changes, spec),
        labels: checks.labels(`${field}.fork.labels`, labels),
        ...defined({ runUntilStep: until }),
      };
    }
    default:
      checks.fail(field, "must have snapshot, pause or fork");
      return { kind: "pause" };
  }
}

/** A label of a snapshot. */
export function parseLabel(checks: Checks, field: string, label: string): string {
  return checks.text(field, label);
}

/** The triggers of a session, with what they have counted. */
export function triggerMessages({ triggers }: Session): MessageInitShape<typeof TriggerSchema>[] {
  return triggers.all.map(({ name, when, action, repeat }) => {
    const { fired, lastFiredStep, lastError = "" } = triggers.memoryOf(name);
    return {
      name,
      when: thresholdMessage(when),
      action: actionMessage(action),
      repeat,
      fired,
      lastError,
      ...defined({ lastFiredStep: lastFiredStep === undefined ? undefined : BigInt(lastFiredStep) }),
    };
  });
}

function actionMessage(action: TriggerAction): MessageInitShape<typeof TriggerSchema>["action"] & object {
  switch (action.kind) {
    case "snapshot":
      return { case: "snapshot", value: { label: action.label } };
    case "pause":
      return { case: "pause", value: {} };
    case "fork": {
      const { changes, labels, runUntilStep } = action;
      const value = {
        changes: changesMessage(changes),
        labels: { ...labels },
        ...defined({ runUntilStep: runUntilStep === undefined ? undefined : BigInt(runUntilStep) }),
      };
      return { case: "fork", value };
    }
  }
}
