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

/** What a handler knows of its call. */
export interface Context {
  /** Aborts when the caller goes away or its deadline passes; the reason is the error to answer with. */
  readonly signal: AbortSignal;
  throwIfAborted(): void;
}

/** The part of grpc-js's calls that a context is made of. */
export interface IncomingCall {
  getDeadline(): Date | number;
  on(event: "cancelled", listener: () => void): unknown;
}

/** How a call ended. */
export interface CallEnd {
  readonly seconds: number;
  readonly error: { readonly code: number; readonly details: string } | undefined;
  readonly requestId: string | undefined;
}

/** Where calls are written down and counted. */
export class CallLog {
  readonly #logger: Logger;
  readonly #count: (method: string, code: string, seconds: number) => void;

  /** @param count - is told of every call: its method, gRPC code and duration */
  constructor(logger: Logger, count: (method: string, code: string, seconds: number) => void) {
    this.#logger = logger;
    this.#count = count;
  }

  call(method: DescMethod, { seconds, error, requestId }: CallEnd): void {
    const name = `${method.parent.typeName}/${method.name}`;
    const code = codeName(error?.code ?? codes.OK);
    this.#count(name, code, seconds);
    const fields = { method: name, code, seconds, ...(requestId ? { requestId } : {}) };
    if (error === undefined) this.#logger.debug(fields, "call");
    else this.#logger.info({ ...fields, details: error.details }, "call failed");
  }

  /** Writes down a defect under the id that the caller is told. */
  defect(method: DescMethod): (errorId: string, error: unknown) => void {
    return (errorId, err) => this.#logger.error({ errorId, method: method.name, err }, "defect");
  }
}

/** The context of one call. `done` must be called when it is answered. */
export function callContext(
  method: DescMethod,
  call: IncomingCall,
  log: CallLog,
  request?: unknown,
): Context & { done(error?: { code: number; details: string }): void } {
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
      const seconds = Math.round((performance.now() - began) * 1000) / 1e6;
      log.call(method, {
        seconds,
        error,
        requestId: (request as { requestId?: string } | undefined)?.requestId,
      });
    },
  };
}
