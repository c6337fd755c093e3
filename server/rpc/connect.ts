import type { IncomingMessage, ServerResponse } from "node:http";
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import {
  ConnectError,
  type ConnectRouter,
  type ContextValues,
  createConnectRouter,
  createContextValues,
  type HandlerContext,
  type ServiceImpl,
} from "@connectrpc/connect";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import { Encoded } from "../messages/encoded.ts";
import { code, statusMessage } from "../messages/status.ts";
import { cancelled } from "../sessions/errors.ts";
import { type CallLog, callContext, type IncomingCall, nameOf, secondsSince } from "./call.ts";
import { maxMessageBytes } from "./server-service.ts";
import { type Handler, type Handlers, malformed, type Served } from "./service.ts";
import { shortenTimeout } from "./timeouts.ts";
import { tooLarge, unknown } from "./unhandled.ts";

/** What answers an HTTP request for one of the API's methods. */
export type CallListener = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * The same handlers over the Connect protocol (connectrpc.com/docs/protocol), for browsers and curl: POST /{service}/{method}, JSON or
 * protobuf, HTTP/1.1. A stream from the client needs gRPC.
 */
export function connectListener(services: readonly Served[], log: CallLog): CallListener {
  const signals = new WeakMap<ContextValues, AbortSignal>();
  const router = createConnectRouter({
    grpc: false,
    grpcWeb: false,
    readMaxBytes: maxMessageBytes,
    // JSON has bytes as base64 and spells numbers out: what stays below the limit for gRPC may take half as much again.
    writeMaxBytes: 2 * maxMessageBytes,
    // A field or a name of an enum that is misspelt must not be taken as left out.
    jsonOptions: { ignoreUnknownFields: false },
    requestGate: ({ method, values, signal }) => {
      signals.set(values, signal);
      signal.addEventListener("abort", () => tellUnread(method, signal.reason, log));
    },
    // What is sent is small, or is numbers that don't compress, and the cores are there to train.
    acceptCompression: [],
  });
  for (const { service, handlers } of services) route(router, service, handlers, log);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response) => {
    const began = performance.now();
    const path = request.url?.split("?", 1)[0] ?? "";
    const handler = handlers.get(path);
    if (handler === undefined) {
      unknown(log, path);
      return refuse(response, 404, "there is no such method\n");
    }
    const values = createContextValues();
    response.once("close", () => {
      if (log.hasBegun(values)) return;
      const error = refusal(signals.get(values), response);
      log.end(nameOf(handler.method), { seconds: secondsSince(began), error });
    });
    shortenTimeout(request.headers);
    const asked = universalRequest(request, response, values);
    if (asked === undefined) return refuse(response, 400, "the request must name this host\n");
    handler(asked).then(
      // What can't be written has nobody any more to read it.
      (answer) => universalResponseToNodeResponse(answer, response).catch(() => response.destroy()),
      (error: unknown) => {
        log.defect(handler.method)(crypto.randomUUID(), error);
        response.destroy();
      },
    );
  };
}

/** Why a request was answered before a handler had it: what Connect made of it, or, where it did not get so far, the HTTP status. */
function refusal(signal: AbortSignal | undefined, { statusCode, headersSent }: ServerResponse) {
  const reason: unknown = signal?.reason;
  if (reason instanceof ConnectError) return { code: reason.code, details: reason.rawMessage };
  if (!headersSent) return { code: code.CANCELLED, details: "the caller went away" };
  const number = statusCode === 400 ? code.INVALID_ARGUMENT : code.UNIMPLEMENTED;
  return { code: number, details: `no call of the Connect protocol: refused with HTTP status ${statusCode}` };
}

/** Undefined for a request whose Host field is none, which its URL is made of. */
function universalRequest(request: IncomingMessage, response: ServerResponse, values: ContextValues) {
  try {
    return universalRequestFromNodeRequest(request, response, undefined, values);
  } catch {
    return undefined;
  }
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", connection: "close" });
  response.end(why);
}

function route(router: ConnectRouter, service: DescService, handlers: Handlers<DescService>, log: CallLog) {
  const implementation: Record<string, unknown> = {};
  for (const method of service.methods) {
    const handler = handlers[method.localName] as unknown;
    if (method.methodKind === "unary") {
      implementation[method.localName] = unary(method, handler as Unary, log);
    } else if (method.methodKind === "server_streaming") {
      implementation[method.localName] = serverStreaming(method, handler as ServerStreaming, log);
    }
  }
  router.service(service, implementation as Partial<ServiceImpl<DescService>>);
}

type Unary = Handler<DescMethod & { methodKind: "unary" }>;
type ServerStreaming = Handler<DescMethod & { methodKind: "server_streaming" }>;

function unary(method: DescMethod, handler: Unary, log: CallLog) {
  return async (request: MessageShape<DescMessage>, call: HandlerContext) => {
    const context = callContext(method, incoming(call), log, request);
    try {
      const response = outgoing(method, await handler(request, context));
      context.done();
      return response;
    } catch (error) {
      const failure = failureOf(error, method, log, request);
      context.done(failure);
      throw failure.error;
    }
  };
}

function serverStreaming(method: DescMethod, handler: ServerStreaming, log: CallLog) {
  return async function* (request: MessageShape<DescMessage>, call: HandlerContext) {
    const context = callContext(method, incoming(call), log, request);
    const { signal } = context;
    const answers = handler(request, context)[Symbol.asyncIterator]();
    let isDone = false;
    const done = (error?: { code: number; details: string }) => {
      if (!isDone) context.done(error);
      isDone = true;
    };
    // Who reads this may wait for ever for a response to drain whose reader has left, and so not end it.
    const stop = () => {
      done(failureOf(cancelled(signal), method, log, request));
      void answers.return?.();
    };
    signal.addEventListener("abort", stop);
    const next = async () => {
      try {
        const answer = await answers.next();
        if (answer.done) context.throwIfAborted();
        return answer.done ? undefined : outgoing(method, answer.value);
      } catch (error) {
        const failure = failureOf(error, method, log, request);
        done(failure);
        throw failure.error;
      }
    };
    try {
      for (;;) {
        const answer = await next();
        if (answer === undefined) break;
        // What is thrown in here is that it could not be written.
        yield answer;
      }
      done();
    } finally {
      signal.removeEventListener("abort", stop);
      done({ code: code.CANCELLED, details: "the caller left" });
      await answers.return?.();
    }
  };
}

/**
 * A request that is too large or can't be decoded fails before it reaches what handles it, binary ones even as a defect. Connect aborts a
 * call that fails with the error that it answers with after that: it is made to say what gRPC's callers hear.
 */
function tellUnread(method: DescMethod, error: unknown, log: CallLog): void {
  if (!(error instanceof ConnectError)) return;
  const reason = decodingFailure(error);
  const told = reason === undefined ? undefined : malformed(method, reason);
  const why = isTooLarge(error) ? tooLarge() : told;
  if (why === undefined) return;
  const { code, rawMessage, message, details } = failureOf(why, method, log).error;
  Object.assign(error, { code, rawMessage, message, details });
}

/** That a request is, and not its answer. */
function isTooLarge({ code: number, rawMessage }: ConnectError): boolean {
  return number === code.RESOURCE_EXHAUSTED && rawMessage.includes("larger than configured readMaxBytes");
}

/** What the decoder says of a request, when that is why the call failed. */
function decodingFailure({ code: number, rawMessage, cause }: ConnectError): string | undefined {
  const binary = "parse binary: ";
  if (number === code.INTERNAL && rawMessage.startsWith(binary)) return rawMessage.slice(binary.length);
  // Of the errors that are called that, only a decoder's has a cause.
  return number === code.INVALID_ARGUMENT && cause instanceof Error ? rawMessage : undefined;
}

function incoming({ timeoutMs, signal, values }: HandlerContext): IncomingCall {
  return {
    metadata: values,
    getDeadline: () => Date.now() + (timeoutMs() ?? Number.POSITIVE_INFINITY),
    on: (_, listener) => signal.addEventListener("abort", listener, { once: true }),
  };
}

/** How a call failed: for the log, and for its caller. */
function failureOf(error: unknown, method: DescMethod, log: CallLog, request?: unknown) {
  const status = statusMessage(error, log.defect(method, request));
  const failure = new ConnectError(status.message, status.code);
  failure.details = status.details.map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value,
  }));
  return { code: status.code, details: status.message, error: failure };
}

function outgoing(method: DescMethod, response: MessageInitShape<DescMessage> | Encoded) {
  return response instanceof Encoded
    ? fromBinary(method.output, response.bytes)
    : create(method.output, response);
}
