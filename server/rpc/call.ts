import type { DescMethod } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import { codeName, code as codes } from "../messages/status.ts";
import { cancelled, GrokboxError } from "../sessions/errors.ts";
import { longestTimerMs } from "./timeouts.ts";

/** A unary call without a deadline gets this one. */
export const defaultDeadlineMs = 60_000;

/** A stream from the client without one: an upload that stalls must not keep its memory for ever. */
const defaultUploadDeadlineMs = 10 * 60_000;

const defaultDeadlines: Readonly<Partial<Record<DescMethod["methodKind"], number>>> = {
  unary: defaultDeadlineMs,
  client_streaming: defaultUploadDeadlineMs,
};

/** A client cancels its call itself when the deadline passes, about when the server sees to it: so near to it, that is why. */
const deadlineSlackMs = 10;

/** Of a text that marks a call in the log; as long as any that is valid. */
const markLength = 128;

/** What a handler knows of its call. */
export interface Context {
  /** Aborts when the caller goes away or its deadline passes; the reason is the error to answer with. */
  readonly signal: AbortSignal;
  throwIfAborted(): void;
}

/** The part of grpc-js's calls that a context is made of. */
export interface IncomingCall {
  /** One object a call: who sees to the calls that no handler gets knows by it that one got this. */
  readonly metadata: object;
  getDeadline(): Date | number;
  on(event: "cancelled", listener: () => void): unknown;
}

/** How a call ended. */
export interface CallEnd {
  readonly seconds: number;
  readonly error: { readonly code: number; readonly details: string } | undefined;
  readonly request?: unknown;
}

/** In place of the name of a method that there is none of: callers' own names would be more than a metric takes. */
export const unknownMethod = "unknown";

/** The name of a method in metrics and logs. */
export function nameOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}

/** Where calls are written down and counted. */
export class CallLog {
  readonly #logger: Logger;
  readonly #count: (method: string, code: string, seconds: number) => void;
  readonly #handled = new WeakSet<object>();

  /** @param count - is told of every call: its method, gRPC code and duration */
  constructor(logger: Logger, count: (method: string, code: string, seconds: number) => void) {
    this.#logger = logger;
    this.#count = count;
  }

  /** A handler has the call of this metadata, and will see to it that it is written down. */
  begin(metadata: object): void {
    this.#handled.add(metadata);
  }

  /** A handler has had the call of this metadata. */
  hasBegun(metadata: object): boolean {
    return this.#handled.has(metadata);
  }

  /** @param method - as `nameOf` has it, or `unknownMethod` */
  end(method: string, { seconds, error, request }: CallEnd): void {
    const code = codeName(error?.code ?? codes.OK);
    this.#count(method, code, seconds);
    const fields = { method, code, seconds, ...marks(request) };
    if (error === undefined) this.#logger.debug(fields, "call");
    else this.#logger.info({ ...fields, details: error.details }, "call failed");
  }

  /** Writes down a defect under the id that the caller is told. */
  defect(method: DescMethod, request?: unknown): (errorId: string, error: unknown) => void {
    return (errorId, err) =>
      this.#logger.error({ errorId, method: nameOf(method), ...marks(request), err }, "defect");
  }
}

/** Of a request, what tells it from others in the log: its id, and the name of what it is about. Callers may send any text. */
function marks(request: unknown): { readonly requestId?: string; readonly resource?: string } {
  const { requestId, session, name, source } = (request ?? {}) as Readonly<Record<string, unknown>>;
  const first = (...values: readonly unknown[]) =>
    values.find((value): value is string => typeof value === "string" && value !== "")?.slice(0, markLength);
  const [id, resource] = [first(requestId), first(session, name, source)];
  return { ...(id === undefined ? {} : { requestId: id }), ...(resource === undefined ? {} : { resource }) };
}

/** Seconds since a time by `performance.now()`, to the microsecond. */
export function secondsSince(began: number): number {
  return Math.round((performance.now() - began) * 1000) / 1e6;
}

/** The context of one call. `done` must be called when it is answered. */
export function callContext(
  method: DescMethod,
  call: IncomingCall,
  log: CallLog,
  request?: unknown,
): Context & { done(error?: { code: number; details: string }): void } {
  log.begin(call.metadata);
  const began = performance.now();
  const controller = new AbortController();
  const { signal } = controller;
  const untilDeadline = Number(call.getDeadline()) - Date.now();
  // grpc-js passes malformed and absent timeouts on as NaN or infinite.
  const limitMs = Number.isFinite(untilDeadline)
    ? Math.max(0, untilDeadline)
    : defaultDeadlines[method.methodKind];
  const expire = () =>
    controller.abort(
      new GrokboxError("DEADLINE_EXCEEDED", "the call's deadline passed; work stopped within a slice"),
    );
  const timer = limitMs === undefined ? undefined : setTimeout(expire, Math.min(limitMs, longestTimerMs));
  let isDone = false;
  call.on("cancelled", () => {
    // grpc-js says so of every call in the end, and an abort costs more than the rest of the bookkeeping.
    if (isDone) return;
    if (performance.now() - began > (limitMs ?? Number.POSITIVE_INFINITY) - deadlineSlackMs) expire();
    else controller.abort();
  });
  return {
    signal,
    throwIfAborted: () => {
      if (signal.aborted) throw cancelled(signal);
    },
    done: (error) => {
      isDone = true;
      clearTimeout(timer);
      log.end(nameOf(method), { seconds: secondsSince(began), error, request });
    },
  };
}
