import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type SessionEventSchema,
  type SessionSchema,
  SessionState as StateMessage,
  StopKind as StopKindMessage,
} from "@grokbox/proto/session";
import type { Session } from "../sessions/session.ts";
import type { SessionEvent } from "../sessions/session-event.ts";
import type { SessionState } from "../sessions/state.ts";
import type { StopKind } from "../sessions/stop-reason.ts";
import { defined } from "./defined.ts";
import { measureScheduleMessage } from "./measure.ts";
import { planMessage } from "./plan.ts";
import { pointMessage, stageMessage } from "./progress.ts";
import { changesMessage, scheduleMessage, triggerMessages } from "./retention.ts";
import { specMessage } from "./spec.ts";

const states: Readonly<Record<SessionState, StateMessage>> = {
  idle: StateMessage.IDLE,
  stepping: StateMessage.STEPPING,
  running: StateMessage.RUNNING,
  paused: StateMessage.PAUSED,
  diverged: StateMessage.DIVERGED,
  deleted: StateMessage.UNSPECIFIED,
};

const stopKinds: Readonly<Record<StopKind, StopKindMessage>> = {
  target: StopKindMessage.TARGET,
  condition: StopKindMessage.CONDITION,
  paused: StopKindMessage.PAUSED,
  diverged: StopKindMessage.DIVERGED,
  cancelled: StopKindMessage.CANCELLED,
  shutdown: StopKindMessage.SHUTDOWN,
  failed: StopKindMessage.FAILED,
};

/** The domain's word for a state, or undefined for one that no session is in. */
export function parseState(state: StateMessage): SessionState | undefined {
  if (state === StateMessage.UNSPECIFIED) return undefined;
  return (Object.keys(states) as SessionState[]).find((name) => states[name] === state);
}

export function sessionMessage(session: Session): MessageInitShape<typeof SessionSchema> {
  const { identity, training, stopReason, plan } = session;
  const [common, rare, partner, heldOut] = training.counts;
  const { latest } = session.log;
  const { parent } = identity;
  return {
    name: session.name,
    spec: specMessage(session.spec),
    state: states[session.state],
    step: BigInt(session.step),
    labels: { ...session.labels },
    engine: session.engine.name,
    engineReason: session.engine.reason,
    createTime: timestampFromMs(identity.createTimeMs),
    pairCounts: { train: common + rare, test: partner + heldOut, common, rare, partner, heldOut },
    preset: identity.preset,
    recordEvery: identity.recordEvery,
    events: session.events.map(eventMessage),
    triggers: triggerMessages(session),
    ...defined({
      latest: latest && pointMessage(latest),
      run: plan && planMessage(plan),
      stages: stagesMessage(session),
      stopReason:
        stopReason && session.plan === undefined
          ? { kind: stopKinds[stopReason.kind], detail: stopReason.detail, step: BigInt(stopReason.step) }
          : undefined,
      parent: parent && {
        snapshot: `sessions/${parent.session}/snapshots/${parent.step}`,
        changes: changesMessage(parent.changes),
      },
      sweep: identity.sweep && { sweep: identity.sweep.name, run: identity.sweep.run },
      durability: durabilityMessage(session),
      snapshotSchedule: session.schedule && scheduleMessage(session.schedule),
      measureSchedule: measureScheduleMessage(session.measures),
    }),
  };
}

function durabilityMessage({ step, keeper }: Session) {
  const { committed, commitTimeMs, alarm } = keeper;
  if (!keeper.isDurable) return undefined;
  // Before its first commit it is only told of in the answer that becomes durable with it.
  if (committed === undefined)
    return { committedStep: BigInt(step), commitTime: timestampFromMs(Date.now()) };
  return { committedStep: BigInt(committed.step), commitTime: timestampFromMs(commitTimeMs), alarm };
}

function eventMessage(event: SessionEvent): MessageInitShape<typeof SessionEventSchema> {
  const when = { step: BigInt(event.step), time: timestampFromMs(event.timeMs) };
  switch (event.kind) {
    case "activationSwapped": {
      const { from, to } = event;
      return { ...when, event: { case: "activationSwapped", value: { from, to } } };
    }
    case "engineMoved": {
      const { from, to } = event;
      return { ...when, event: { case: "engineMoved", value: { from, to } } };
    }
    case "snapshotRestored": {
      const value = { fromStep: BigInt(event.fromStep), toStep: BigInt(event.toStep) };
      return { ...when, event: { case: "snapshotRestored", value } };
    }
    case "sessionForked":
      return { ...when, event: { case: "sessionForked", value: { session: event.session } } };
    case "triggerFired": {
      const { trigger, detail } = event;
      return { ...when, event: { case: "triggerFired", value: { trigger, detail } } };
    }
  }
}

function stagesMessage({ training }: Session) {
  const { stages } = training;
  const current = stages.stage();
  if (current === undefined) return undefined;
  const { memorizationEnd, generalizationEnd } = stages;
  return {
    current: stageMessage(current),
    ...defined({
      memorizationEnd: memorizationEnd === undefined ? undefined : BigInt(memorizationEnd),
      generalizationEnd: generalizationEnd === undefined ? undefined : BigInt(generalizationEnd),
    }),
  };
}
