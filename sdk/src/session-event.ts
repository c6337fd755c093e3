import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { SessionEvent as SessionEventMessage } from "@grokbox/proto/session";
import { defined } from "./defined.ts";
import { fromUint64 } from "./uint64.ts";

/** What changed a session's course, or came of it. */
export type SessionEvent = {
  /** The step at which it took effect. */
  readonly step: number;
  readonly time?: Date;
} & (
  | { readonly kind: "activation-swapped"; readonly from: string; readonly to: string }
  /** `Session.move` put the session on another engine. */
  | { readonly kind: "engine-moved"; readonly from: string; readonly to: string }
  /** `Session.restore` put the session back from a step to another. */
  | { readonly kind: "snapshot-restored"; readonly fromStep: number; readonly toStep: number }
  /** Another session, sessions/{id}, was forked from this one. */
  | { readonly kind: "session-forked"; readonly session: string }
  /** A trigger did what `detail` says, or why it could not. */
  | { readonly kind: "trigger-fired"; readonly trigger: string; readonly detail: string }
);

/** Nothing for an event that is newer than this SDK. */
export function fromEvent({ step, time, event }: SessionEventMessage): SessionEvent[] {
  const common = { step: fromUint64(step), ...defined({ time: time && timestampDate(time) }) };
  switch (event.case) {
    case "activationSwapped": {
      const { from, to } = event.value;
      return [{ kind: "activation-swapped", ...common, from, to }];
    }
    case "engineMoved": {
      const { from, to } = event.value;
      return [{ kind: "engine-moved", ...common, from, to }];
    }
    case "snapshotRestored": {
      const { fromStep, toStep } = event.value;
      return [
        {
          kind: "snapshot-restored",
          ...common,
          fromStep: fromUint64(fromStep),
          toStep: fromUint64(toStep),
        },
      ];
    }
    case "sessionForked":
      return [{ kind: "session-forked", ...common, session: event.value.session }];
    case "triggerFired": {
      const { trigger, detail } = event.value;
      return [{ kind: "trigger-fired", ...common, trigger, detail }];
    }
    default:
      return [];
  }
}
