import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import type {
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  ServiceDefinition,
  UntypedHandleCall,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { Encoded } from "../messages/encoded.ts";
import { cancelled, type GrokboxError, invalid } from "../sessions/errors.ts";
import { type CallLog, type Context, callContext, type IncomingCall } from "./call.ts";
import { toServiceError } from "./status.ts";

type Input<M extends DescMethod> = MessageShape<M["input"]>;
type Output<M extends DescMethod> = MessageInitShape<M["output"]> | Encoded;

/** What implements one method: no gRPC objects, only messages and a context. */
export type Handler<M extends DescMethod> = M["methodKind"] extends "unary"
  ? (request: Input<M>, context: Context) => Promise<Output<M>>
  : M["methodKind"] extends "server_streaming"
    ? (request: Input<M>, context: Context) => AsyncIterable<Output<M>>
    : (requests: AsyncIterable<Input<M>>, context: Context) => Promise<Output<M>>;

export type Handlers<S extends DescService> = { readonly [N in keyof S["method"]]: Handler<S["method"][N]> };

/** A service, and what implements it. */
export interface Served {
  readonly service: DescService;
  readonly handlers: Handlers<DescService>;
}

export function served<S extends DescService>(service: S, handlers: Handlers<S>): Served {
  return { service, handlers: handlers as Handlers<DescService> };
}

/** A request that is no message of its type; told to the caller as bad input, not as a defect. */
class Malformed {
  readonly cause: unknown;
  constructor(cause: unknown) {
    this.cause = cause;
  }
}

/** A protobuf-es service as grpc-js wants it described. */
export function definition(service: DescService): ServiceDefinition {
  return Object.fromEntries(
    service.methods.map((method) => [
      method.localName,
      {
        path: `/${service.typeName}/${method.name}`,
        requestStream: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
        responseStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
        requestSerialize: serializer(method.input),
        requestDeserialize: (bytes: Buffer) => {
          try {
            return fromBinary(method.input, bytes);
          } catch (cause) {
            return new Malformed(cause);
          }
        },
        responseSerialize: serializer(method.output),
        responseDeserialize: (bytes: Buffer) => fromBinary(method.output, bytes),
      },
    ]),
  );
}

/**
 * The handlers of a service as grpc-js wants them.
 *
 * @param closing - aborts when the server is to end: streams that clients send end with its reason, since they might never
 */
export function implementation<S extends DescService>(
  service: S,
  handlers: Handlers<S>,
  log: CallLog,
  closing: AbortSignal,
): UntypedServiceImplementation {
  return Object.fromEntries(
    service.methods.map((method) => {
      const handler = handlers[method.localName as keyof S["method"]] as unknown;
      return [method.localName, adapt(method, handler, log, closing)];
    }),
  );
}

function adapt(method: DescMethod, handler: unknown, log: CallLog, closing: AbortSignal): UntypedHandleCall {
  switch (method.methodKind) {
    case "unary":
      return unary(method, handler as Handler<DescMethod & { methodKind: "unary" }>, log);
    case "server_streaming":
      return serverStreaming(
        method,
        handler as Handler<DescMethod & { methodKind: "server_streaming" }>,
        log,
      );
    case "client_streaming":
      return clientStreaming(
        method,
        handler as Handler<DescMethod & { methodKind: "client_streaming" }>,
        log,
        closing,
      );
    default:
      throw new Error(`${method.name}: no adapter for ${method.methodKind}`);
  }
}

function unary(
  method: DescMethod,
  handler: (request: never, context: Context) => Promise<unknown>,
  log: CallLog,
): handleUnaryCall<unknown, unknown> {
  return (call, callback) => {
    const { request } = call;
    const context = callContext(method, call as unknown as IncomingCall, log, request);
    answer(method, () => handler(wellFormed(method, request) as never, context), context, log, request)
      .then(
        (response) => callback(null, response),
        (error) => callback(error, null),
      )
      .catch(unsent(method, log, request));
  };
}

function clientStreaming(
  method: DescMethod,
  handler: (requests: never, context: Context) => Promise<unknown>,
  log: CallLog,
  closing: AbortSignal,
): handleClientStreamingCall<unknown, unknown> {
  return (call, callback) => {
    const context = callContext(method, call as unknown as IncomingCall, log);
    const requests = received(call, method, AbortSignal.any([context.signal, closing]));
    answer(method, () => handler(requests as never, context), context, log)
      .then(
        (response) => callback(null, response),
        (error) => callback(error, null),
      )
      .catch(unsent(method, log))
      // What the client still sends is dropped, so that its writes don't wait for ever.
      .finally(() => call.resume());
  };
}

/** What a client sends, until it ends or `signal` aborts, as when it goes away or its time is up: that is an error, not an end. */
async function* received(
  call: AsyncIterable<unknown> & { readonly cancelled: boolean },
  method: DescMethod,
  signal: AbortSignal,
): AsyncGenerator<unknown> {
  const iterator = call[Symbol.asyncIterator]();
  let stop: () => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(cancelled(signal));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
  });
  aborted.catch(() => {});
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted]);
      if (next.done) break;
      yield wellFormed(method, next.value);
    }
    // A stream that was cut off ends first and is cancelled then.
    await new Promise((resolve) => setImmediate(resolve));
    if (call.cancelled || signal.aborted) throw cancelled(signal);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function serverStreaming(
  method: DescMethod,
  handler: (request: never, context: Context) => AsyncIterable<unknown>,
  log: CallLog,
): handleServerStreamingCall<unknown, unknown> {
  return async (call) => {
    const { request } = call;
    const context = callContext(method, call as unknown as IncomingCall, log, request);
    try {
      for await (const response of handler(wellFormed(method, request) as never, context)) {
        if (context.signal.aborted) break;
        if (!call.write(outgoing(method, response))) await drained(call, context.signal);
      }
      context.throwIfAborted();
      context.done();
      call.end();
    } catch (error) {
      const failure = toServiceError(error, log.defect(method, request));
      context.done(failure);
      call.emit("error", failure);
    }
  };
}

async function answer(
  method: DescMethod,
  handle: () => Promise<unknown>,
  context: ReturnType<typeof callContext>,
  log: CallLog,
  request?: unknown,
): Promise<unknown> {
  try {
    const response = outgoing(method, await handle());
    context.done();
    return response;
  } catch (error) {
    const failure = toServiceError(error, log.defect(method, request));
    context.done(failure);
    throw failure;
  }
}

function outgoing(method: DescMethod, response: unknown): unknown {
  return response instanceof Encoded ? response : create(method.output as DescMessage, response as never);
}

/** An answer that can't be sent must not end the process. */
function unsent(method: DescMethod, log: CallLog, request?: unknown): (error: unknown) => void {
  const write = log.defect(method, request);
  return (error) => write(crypto.randomUUID(), error);
}

function wellFormed(method: DescMethod, request: unknown): unknown {
  if (!(request instanceof Malformed)) return request;
  throw malformed(method, request.cause instanceof Error ? request.cause.message : String(request.cause));
}

/** What a caller is told whose request can't be decoded, with the decoder's reason. */
export function malformed(method: DescMethod, reason: string): GrokboxError {
  return invalid([{ field: "request", description: `must be a ${method.input.typeName}; ${reason}` }]);
}

/** Resolves once the stream takes more, or there is nobody to send to. */
function drained(
  call: {
    once(event: "drain", listener: () => void): unknown;
    off(event: "drain", listener: () => void): unknown;
  },
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const finish = () => {
      call.off("drain", finish);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    call.once("drain", finish);
    signal.addEventListener("abort", finish);
  });
}

function serializer(message: DescMessage): (value: unknown) => Buffer {
  return (value) => {
    if (value instanceof Encoded) return value.bytes;
    const bytes = toBinary(message, value as MessageShape<DescMessage>);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}
