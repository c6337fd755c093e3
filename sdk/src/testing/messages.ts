import type { MessageInitShape } from "@bufbuild/protobuf";
import { type ProgressEndReason, type ProgressPointSchema, Stage } from "@grokbox/proto/progress";
import { ServerService } from "@grokbox/proto/server";
import { type SessionSchema, SessionState } from "@grokbox/proto/session";
import { type SpecSchema, Task } from "@grokbox/proto/spec";
import type { WatchProgressResponseSchema } from "@grokbox/proto/training";
import { type ConnectOptions, Grokbox } from "../mod.ts";
import { on, type Script } from "./scripted-server.ts";

export const spec: MessageInitShape<typeof SpecSchema> = {
  modulus: 23,
  width: 512,
  activation: "relu",
  task: Task.ADD,
  init: { kind: { case: "random", value: { scale: 0.1 } } },
  optimizer: {
    kind: {
      case: "adamw",
      value: { learningRate: 5e-5, weightDecay: 0, beta1: 0.9, beta2: 0.98, epsilon: 1e-8 },
    },
  },
  schedule: { warmupSteps: 10 },
  split: { kind: { case: "torch", value: { fraction: 1 } } },
  seed: 42,
};

type SessionInit = MessageInitShape<typeof SessionSchema>;

export function session(values: SessionInit = {}): SessionInit {
  const defaults = { name: "sessions/a", spec, state: SessionState.IDLE, step: 0n, engine: "cpu" };
  return { ...defaults, ...values } as SessionInit;
}

type PointInit = MessageInitShape<typeof ProgressPointSchema>;

export function point(sequence: number, values: PointInit = {}): PointInit {
  const defaults = {
    sequence: BigInt(sequence),
    step: BigInt(sequence * 100),
    scores: { trainLoss: 1 / sequence, trainAccuracy: 0.5, accuracy: { common: 0.5 } },
    parameterNorm: 3,
    gradientNorm: 0.1,
    stage: Stage.MEMORIZATION,
  };
  return { ...defaults, ...values } as PointInit;
}

type Event = MessageInitShape<typeof WatchProgressResponseSchema>;

export function opened(epoch: string, oldest: number, newest: number): Event {
  const value = { epoch, oldestSequence: BigInt(oldest), newestSequence: BigInt(newest) };
  return { event: { case: "opened", value } };
}

export function batch(...sequences: readonly number[]): Event {
  return { event: { case: "batch", value: { points: sequences.map((sequence) => point(sequence)) } } };
}

export function gap(first: number, last: number): Event {
  return { event: { case: "gap", value: { firstSequence: BigInt(first), lastSequence: BigInt(last) } } };
}

export function end(reason: ProgressEndReason): Event {
  return { event: { case: "end", value: { reason } } };
}

export const heartbeat: Event = { event: { case: "heartbeat", value: {} } };

/** What `Grokbox.connect` asks for. */
export const info: Script = on(ServerService.method.getServerInfo, () => ({ version: "0.0.0", limits: {} }));

/** A connection with waits that suit tests. */
export function connect(address: string, options: ConnectOptions = {}): Promise<Grokbox> {
  return Grokbox.connect(address, { backoff: { firstMs: 5, mostMs: 20 }, heartbeatMs: 400, ...options });
}
