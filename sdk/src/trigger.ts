import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Trigger as TriggerMessage, TriggerSchema } from "@grokbox/proto/retention";
import { type Changes, type ChangesInput, changesKeys, fromChanges, toChanges } from "./changes.ts";
import { defined } from "./defined.ts";
import { invalidField } from "./error.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import type { OptimizerInput } from "./spec-input.ts";
import { fromThreshold, type Threshold, toThreshold } from "./threshold.ts";
import { fromOptionalUint64, toOptionalUint64 } from "./uint64.ts";

/** What to do when a measure crosses a value while the session trains. */
export interface TriggerInput {
  /** 1 to 63 characters of a-z, 0-9 and -, unique within the session. */
  readonly name: string;
  /** At the recorded step at which this becomes true. */
  readonly when: Threshold;
  readonly action: TriggerActionInput | "snapshot" | "pause" | "fork";
  /** Fire again each time it becomes true anew, not only once. @default false */
  readonly repeat?: boolean | undefined;
}

export type TriggerActionInput =
  /** Keep a snapshot, with a label of at most 255 characters. */
  | { readonly kind: "snapshot"; readonly label?: string | undefined }
  /** End the run or step under way as `Session.pause` does. */
  | { readonly kind: "pause" }
  | ForkAction<ChangesInput>;

/** Fork a new session from this step. */
export interface ForkAction<C> {
  readonly kind: "fork";
  readonly changes?: C | undefined;
  /** Of the new session. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Train the new session up to this step in the background. Left out: it stays idle. */
  readonly runUntilStep?: number | undefined;
}

/** A trigger that a session has. It may be given to `Session.setTriggers` as it is. */
export interface Trigger extends TriggerInput {
  readonly action: TriggerAction;
  readonly repeat: boolean;
  /** How often it has fired. */
  readonly fired: number;
  /** The step at which it fired last. */
  readonly lastFiredStep?: number;
  /** Why its last action failed; empty when it did not. */
  readonly lastError: string;
}

export type TriggerAction = Exclude<TriggerActionInput, ForkAction<ChangesInput>> | ForkAction<Changes>;

/** Also what only a trigger of a session has. */
const keys: Known<Trigger> = {
  name: true,
  when: true,
  action: true,
  repeat: true,
  fired: true,
  lastFiredStep: true,
  lastError: true,
};

const pauseKeys: Known<Extract<TriggerActionInput, { readonly kind: "pause" }>> = { kind: true };
const snapshotKeys: Known<Extract<TriggerActionInput, { readonly kind: "snapshot" }>> = {
  kind: true,
  label: true,
};
const forkKeys: Known<ForkAction<ChangesInput>> = {
  kind: true,
  changes: true,
  labels: true,
  runUntilStep: true,
};

/** @param kindHere - of the session's optimizer */
export function toTriggers(
  triggers: readonly TriggerInput[],
  kindHere: OptimizerInput["kind"],
): MessageInitShape<typeof TriggerSchema>[] {
  return triggers.map((trigger, i) => {
    const field = `triggers[${i}]`;
    refuseUnknown(trigger, keys, field);
    const { name, when, action, repeat = false } = trigger;
    const whole = typeof action === "string" ? { kind: action } : action;
    return {
      name,
      when: toThreshold(when, `${field}.when`),
      action: toAction(whole, kindHere, field),
      repeat,
    };
  });
}

function toAction(
  action: TriggerActionInput,
  kindHere: OptimizerInput["kind"],
  field: string,
): NonNullable<MessageInitShape<typeof TriggerSchema>["action"]> {
  switch (action?.kind) {
    case "snapshot":
      refuseUnknown(action, snapshotKeys, `${field}.snapshot`);
      return { case: action.kind, value: { label: action.label ?? "" } };
    case "pause":
      refuseUnknown(action, pauseKeys, `${field}.pause`);
      return { case: action.kind, value: {} };
    case "fork": {
      refuseUnknown(action, forkKeys, `${field}.fork`);
      refuseUnknown(action.changes, changesKeys, `${field}.fork.changes`);
      const { changes = {}, labels = {}, runUntilStep } = action;
      return {
        case: action.kind,
        value: {
          changes: toChanges(changes, kindHere, `${field}.fork.changes`),
          labels: { ...labels },
          runUntilStep: toOptionalUint64(runUntilStep, `${field}.fork.run_until_step`),
        },
      };
    }
    default:
      throw invalidField(
        `${field}.action`,
        "must be snapshot, pause or fork",
        (action as TriggerActionInput | undefined)?.kind,
      );
  }
}

/** Nothing for a trigger that is newer than this SDK. */
export function fromTrigger(message: TriggerMessage): Trigger[] {
  const { name, repeat, fired, lastError } = message;
  const when = message.when && fromThreshold(message.when);
  const action = fromAction(message.action);
  if (when === undefined || action === undefined) return [];
  const lastFiredStep = fromOptionalUint64(message.lastFiredStep);
  return [{ name, when, action, repeat, fired, ...defined({ lastFiredStep }), lastError }];
}

function fromAction({ case: kind, value }: TriggerMessage["action"]): TriggerAction | undefined {
  switch (kind) {
    case "snapshot":
      return { kind, label: value.label };
    case "pause":
      return { kind };
    case "fork": {
      const runUntilStep = fromOptionalUint64(value.runUntilStep);
      const { labels } = value;
      return { kind, changes: fromChanges(value.changes), labels, ...defined({ runUntilStep }) };
    }
    default:
      return undefined;
  }
}
