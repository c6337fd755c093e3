import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { BadRequestSchema, ErrorInfoSchema } from "@grokbox/proto/rpc/error_details";
import { StatusSchema } from "@grokbox/proto/rpc/status";
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
} from "@grpc/grpc-js";

/** What a scripted handler knows of its call: it aborts when the client goes away. */
export interface Call {
  readonly signal: AbortSignal;
}

type Input<M extends DescMethod> = MessageShape<M["input"]>;
type Output<M extends DescMethod> = MessageInitShape<M["output"]>;

type Handler<M extends DescMethod> = M["methodKind"] extends "unary"
  ? (request: Input<M>, call: Call) => Output<M> | Promise<Output<M>>
  : M["methodKind"] extends "server_streaming"
    ? (request: Input<M>, call: Call) => AsyncIterable<Output<M>>
    : (requests: AsyncIterable<Input<M>>, call: Call) => Promise<Output<M>>;

export interface Script {
  readonly method: DescMethod;
  readonly handler: never;
}

/** One method and what answers it. */
export function on<M extends DescMethod>(method: M, handler: Handler<M>): Script {
  return { method, handler: handler as never };
}

/** What a handler throws to fail its call. */
export class Failure extends Error {
  readonly code: number;
  readonly metadata = new Metadata();
  get details() {
    return this.message;
  }

  constructor(
    code: number,
    message: string,
    info: {
      readonly reason?: string;
      readonly domain?: string;
      readonly metadata?: Record<string, string>;
      readonly violations?: { field: string; description: string }[];
      readonly rawDetails?: Uint8Array;
    } = {},
  ) {
    super(message);
    this.code = code;
    const { reason, domain = "grokbox", metadata = {}, violations } = info;
    const details = [];
    if (reason !== undefined) {
      details.push(anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason, domain, metadata })));
    }
    if (violations !== undefined) {
      details.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations: violations })));
    }
    const bytes = info.rawDetails ?? toBinary(StatusSchema, create(StatusSchema, { code, message, details }));
    if (details.length > 0 || info.rawDetails) {
      this.metadata.set("grpc-status-details-bin", Buffer.from(bytes));
    }
  }
}

/** A real gRPC server on a free port that does what the scripts say, and UNIMPLEMENTED for the rest. */
export async function serve(
  ...scripts: readonly Script[]
): Promise<AsyncDisposable & { address: string; port: number }> {
  const server = new Server();
  for (const service of new Set(scripts.map(({ method }) => method.parent))) {
    const own = scripts.filter(({ method }) => method.parent === service);
    server.addService(
      Object.fromEntries(own.map(({ method }) => [method.localName, definition(method)])),
      Object.fromEntries(
        own.map(({ method, handler }) => [method.localName, adapt(method, handler)]),
      ) as never,
    );
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { address: `127.0.0.1:${port}`, port, [Symbol.asyncDispose]: async () => server.forceShutdown() };
}

function definition(method: DescMethod) {
  const serialize = (message: DescMessage) => (value: unknown) =>
    Buffer.from(toBinary(message, create(message, value as never)));
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: method.methodKind === "client_streaming",
    responseStream: method.methodKind === "server_streaming",
    requestSerialize: serialize(method.input),
    responseSerialize: serialize(method.output),
    requestDeserialize: (bytes: Buffer) => fromBinary(method.input, bytes),
    responseDeserialize: (bytes: Buffer) => fromBinary(method.output, bytes),
  };
}

function adapt(method: DescMethod, handler: (request: unknown, call: Call) => unknown) {
  const context = (call: { on(event: "cancelled", listener: () => void): unknown }) => {
    const controller = new AbortController();
    call.on("cancelled", () => controller.abort());
    return { signal: controller.signal };
  };
  if (method.methodKind === "server_streaming") {
    return async (call: ServerWritableStream<unknown, unknown>) => {
      try {
        const { signal } = context(call);
        for await (const answer of handler(call.request, { signal }) as AsyncIterable<unknown>) {
          if (signal.aborted) return;
          if (!call.write(answer)) await new Promise((resolve) => call.once("drain", resolve));
        }
        call.end();
      } catch (error) {
        call.emit("error", error);
      }
    };
  }
  return async (
    call: ServerUnaryCall<unknown, unknown> & ServerReadableStream<unknown, unknown>,
    callback: (error: unknown, answer?: unknown) => void,
  ) => {
    try {
      callback(null, await handler(method.methodKind === "unary" ? call.request : call, context(call)));
    } catch (error) {
      callback(error);
    }
  };
}
