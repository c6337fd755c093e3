import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type SessionSchema,
  SessionState as StateMessage,
  StopKind as StopKindMessage,
} from "@grokbox/proto/session";
import type { Session, StopKind } from "../sessions/session.ts";
import type { SessionState } from "../sessions/state.ts";
import { planMessage } from "./plan-message.ts";
import { defined, pointMessage, stageMessage } from "./progress-message.ts";
import { specMessage } from "./spec-message.ts";

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
  return {
    name: session.name,
    spec: specMessage(session.spec),
    state: states[session.state],
    step: BigInt(session.step),
    labels: { ...identity.labels },
    engine: identity.engine,
    engineReason: identity.engineReason,
    createTime: timestampFromMs(session.createTimeMs),
    pairCounts: { train: common + rare, test: partner + heldOut, common, rare, partner, heldOut },
    preset: identity.preset,
    events: session.events.map(({ step, timeMs, activationSwapped }) => ({
      step: BigInt(step),
      time: timestampFromMs(timeMs),
      event: { case: "activationSwapped" as const, value: activationSwapped },
    })),
    ...defined({
      latest: latest && pointMessage(latest),
      run: plan && planMessage(plan),
      stages: stagesMessage(session),
      stopReason:
        stopReason && session.plan === undefined
          ? { kind: stopKinds[stopReason.kind], detail: stopReason.detail, step: BigInt(stopReason.step) }
          : undefined,
    }),
  };
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
