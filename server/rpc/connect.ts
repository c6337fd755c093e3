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
import { ConnectError, type ConnectRouter, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { Encoded } from "../messages/encoded.ts";
import { code, statusMessage } from "../messages/status.ts";
import { type CallLog, callContext, type IncomingCall } from "./call.ts";
import { maxMessageBytes } from "./server-service.ts";
import type { Handler, Handlers, Served } from "./service.ts";

/** What answers an HTTP request for one of the API's methods. */
export type CallListener = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * The same handlers over the Connect protocol (connectrpc.com/docs/protocol), for browsers and curl: POST /{service}/{method}, JSON or
 * protobuf, HTTP/1.1. A stream from the client needs gRPC.
 */
export function connectListener(services: readonly Served[], log: CallLog): CallListener {
  return connectNodeAdapter({
    routes: (router) => {
      for (const { service, handlers } of services) route(router, service, handlers, log);
    },
    grpc: false,
    grpcWeb: false,
    readMaxBytes: maxMessageBytes,
    writeMaxBytes: maxMessageBytes,
    // What is sent is small, or is numbers that don't compress, and the cores are there to train.
    acceptCompression: [],
  });
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
      throw failed(error, method, context, log);
    }
  };
}

function serverStreaming(method: DescMethod, handler: ServerStreaming, log: CallLog) {
  return async function* (request: MessageShape<DescMessage>, call: HandlerContext) {
    const context = callContext(method, incoming(call), log, request);
    let isToldOf = false;
    try {
      for await (const response of handler(request, context)) yield outgoing(method, response);
      context.throwIfAborted();
      isToldOf = true;
      context.done();
    } catch (error) {
      isToldOf = true;
      throw failed(error, method, context, log);
    } finally {
      // Whoever reads it has left.
      if (!isToldOf) context.done({ code: code.CANCELLED, details: "the caller left" });
    }
  };
}

function incoming({ timeoutMs, signal }: HandlerContext): IncomingCall {
  return {
    getDeadline: () => Date.now() + (timeoutMs() ?? Number.POSITIVE_INFINITY),
    on: (_, listener) => signal.addEventListener("abort", listener, { once: true }),
  };
}

function failed(
  error: unknown,
  method: DescMethod,
  context: ReturnType<typeof callContext>,
  log: CallLog,
): ConnectError {
  const status = statusMessage(error, log.defect(method));
  context.done({ code: status.code, details: status.message });
  const failure = new ConnectError(status.message, status.code);
  failure.details = status.details.map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value,
  }));
  return failure;
}

function outgoing(method: DescMethod, response: MessageInitShape<DescMessage> | Encoded) {
  return response instanceof Encoded
    ? fromBinary(method.output, response.bytes)
    : create(method.output, response);
}
