import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { LiveEventSchema, type LiveRequest, LiveRequestSchema } from "@grokbox/proto/live";
import type { ProgressPoint } from "../sessions/progress-log.ts";
import type { WindowEvent } from "../sessions/progress-window.ts";
import type { RosterChange, Sight } from "../sessions/roster.ts";
import type { Thinning } from "../sessions/thinning.ts";
import type { WatchEvent } from "../sessions/watch.ts";
import { Checks } from "./checks.ts";
import { defined } from "./defined.ts";
import { Encoded } from "./encoded.ts";
import { pointMessage, watchMessage } from "./progress.ts";
import { sessionMessage } from "./session.ts";
import { statusMessage } from "./status.ts";

/** What a viewer asks, as the domain takes it. */
export type LiveQuestion =
  | {
      readonly kind: "progress";
      readonly session: string;
      readonly from?: number;
      readonly epoch?: string;
      readonly untilIdle: boolean;
      readonly thinning?: Thinning;
      readonly intervalMs: number;
    }
  | {
      readonly kind: "window";
      readonly session: string;
      readonly firstStep: number;
      readonly lastStep?: number;
      readonly maxPoints?: number;
    }
  | {
      readonly kind: "sessions";
      readonly labels: Readonly<Record<string, string>>;
      readonly intervalMs: number;
    };

export type { LiveRequest };

type LiveEventInit = MessageInitShape<typeof LiveEventSchema>["event"];

const mostSequence = Number.MAX_SAFE_INTEGER;
const mostPoints = 1_000_000;

type Ask<K extends string> = Extract<LiveRequest["request"], { case: K }>["value"];

/** Undefined for bytes that are no LiveRequest. */
export function decodeLiveRequest(bytes: Uint8Array): LiveRequest | undefined {
  try {
    return fromBinary(LiveRequestSchema, bytes);
  } catch {
    return undefined;
  }
}

/** Fails with INVALID_FIELD. */
export function parseLiveQuestion({ request }: LiveRequest): LiveQuestion {
  const checks = new Checks();
  switch (request.case) {
    case "progress":
      return parseProgress(checks, request.value);
    case "window":
      return parseWindow(checks, request.value);
    case "sessions": {
      const labels = checks.labels("sessions.labels", request.value.labels);
      const intervalMs = interval(checks, "sessions", request.value.updatesPerSecond, 2);
      checks.throwIfAny();
      return { kind: "sessions", labels, intervalMs };
    }
    default:
      checks.fail("request", "must be progress, window, sessions or cancel");
      checks.throwIfAny();
      throw new Error("a question of no kind");
  }
}

function parseProgress(checks: Checks, ask: Ask<"progress">): LiveQuestion {
  const session = checks.session("progress.session", ask.session);
  const from = checks.integer("progress.from_sequence", ask.fromSequence, 0, mostSequence);
  if (!/^[a-f0-9-]{0,64}$/.test(ask.epoch)) {
    checks.fail("progress.epoch", "must be a server's epoch or empty", ask.epoch);
  }
  const maxPoints = pointLimit(checks, "progress.max_points", ask.maxPoints);
  const stride = checks.integer("progress.stride", ask.stride, 0, 2 ** 40, 0) || 1;
  if (!Number.isInteger(Math.log2(stride))) checks.fail("progress.stride", "must be a power of two", stride);
  const first = checks.integer("progress.first_sequence", ask.firstSequence, 0, mostSequence, 0);
  const intervalMs = interval(checks, "progress", ask.updatesPerSecond, 10);
  checks.throwIfAny();
  return {
    kind: "progress",
    session,
    ...defined({
      from,
      epoch: ask.epoch || undefined,
      thinning: maxPoints === undefined ? undefined : { maxPoints, stride, first },
    }),
    untilIdle: ask.untilIdle,
    intervalMs,
  };
}

function parseWindow(checks: Checks, ask: Ask<"window">): LiveQuestion {
  const session = checks.session("window.session", ask.session);
  const firstStep = checks.integer("window.first_step", ask.firstStep, 0, mostSequence, 0);
  const lastStep = checks.integer("window.last_step", ask.lastStep, 0, mostSequence);
  if (lastStep !== undefined && lastStep < firstStep) {
    checks.fail("window.last_step", `must be first_step (${firstStep}) or more`, lastStep);
  }
  const maxPoints = pointLimit(checks, "window.max_points", ask.maxPoints);
  checks.throwIfAny();
  return { kind: "window", session, firstStep, ...defined({ lastStep, maxPoints }) };
}

function pointLimit(checks: Checks, field: string, value: number): number | undefined {
  if (value === 0) return undefined;
  if (value >= 2 && value <= mostPoints) return value;
  checks.fail(field, `must be 0, or 2 to ${mostPoints}`, value);
  return undefined;
}

/** Milliseconds, whole ones, so that viewers who ask for the same share their beats. */
function interval(checks: Checks, ask: string, perSecond: number, usual: number): number {
  const rate = perSecond === 0 ? usual : perSecond;
  if (!(rate >= 0.1 && rate <= 60)) {
    checks.fail(`${ask}.updates_per_second`, "must be 0, or 0.1 to 60", perSecond);
    return 1000;
  }
  return Math.ceil(1000 / rate);
}

/** A batch by its points, which the log gives to all viewers that have got equally far: encoded once, sent to each. */
const batches = new WeakMap<readonly ProgressPoint[], Uint8Array>();

/** The bytes of a LiveEvent but for its subscription. */
export function progressEvent(event: WatchEvent | WindowEvent): Uint8Array {
  if (event.kind === "done") return encode({ case: "done", value: {} });
  if (event.kind !== "batch") {
    const message = watchMessage(event);
    if (message instanceof Encoded) throw new Error(`${event.kind} has no encoding to share`);
    return encode(message.event as LiveEventInit);
  }
  const { points, stride } = event;
  let bytes = batches.get(points);
  if (bytes === undefined) {
    bytes = encode({ case: "batch", value: { points: points.map(pointMessage), stride: BigInt(stride) } });
    batches.set(points, bytes);
  }
  return bytes;
}

/** A session as all viewers are told of it at one look. */
const sights = new WeakMap<Sight, Uint8Array>();

/** See progressEvent. */
export function sessionsEvent({ changed, removed, complete }: RosterChange): Uint8Array {
  // Messages that repeat a field concatenate, so each session's part is encoded once and shared.
  return Buffer.concat([...changed.map(sightBytes), encodeChange([], removed, complete)]);
}

function sightBytes(sight: Sight): Uint8Array {
  let bytes = sights.get(sight);
  if (bytes === undefined) {
    bytes = encodeChange([sessionMessage(sight.session)], [], false);
    sights.set(sight, bytes);
  }
  return bytes;
}

function encodeChange(
  changed: ReturnType<typeof sessionMessage>[],
  removed: readonly string[],
  complete: boolean,
): Uint8Array {
  return encode({ case: "sessions", value: { changed, removed: [...removed], complete } });
}

/** The last event of a question that failed; a defect goes to `log`. See progressEvent. */
export function failureEvent(error: unknown, log: (errorId: string, error: unknown) => void): Uint8Array {
  return encode({ case: "failure", value: statusMessage(error, log) });
}

function encode(event: LiveEventInit): Uint8Array {
  const message = event === undefined ? {} : { event };
  return toBinary(LiveEventSchema, create(LiveEventSchema, message));
}

/** A whole LiveEvent: its subscription, and the bytes of the rest. */
export function liveEvent(subscription: number, event: Uint8Array): Uint8Array {
  const head = toBinary(LiveEventSchema, create(LiveEventSchema, { subscription }));
  const frame = Buffer.allocUnsafe(head.length + event.length);
  frame.set(head);
  frame.set(event, head.length);
  return frame;
}
