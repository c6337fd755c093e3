import {
  create,
  type DescMethod,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { BadRequestSchema, ErrorInfoSchema } from "@grokbox/proto/rpc/error_details";
import { StatusSchema } from "@grokbox/proto/rpc/status";
import {
  type CallOptions,
  Client,
  type ClientReadableStream,
  type ClientWritableStream,
  credentials,
  type ServiceError,
  status,
} from "@grpc/grpc-js";

/** What a failed call told its caller. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly reason: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: Readonly<Record<string, string>>;
}

/** A bare gRPC client, so that tests see what goes over the wire and nothing that the SDK adds. */
export class Wire {
  readonly client: Client;

  constructor(address: string) {
    this.client = new Client(address, credentials.createInsecure());
  }

  close(): void {
    this.client.close();
  }

  call<M extends DescMethod>(
    method: M,
    request: MessageInitShape<M["input"]> | Uint8Array,
    options: CallOptions & { signal?: AbortSignal } = {},
  ): Promise<MessageShape<M["output"]>> {
    return new Promise((resolve, reject) => {
      const call = this.client.makeUnaryRequest(
        path(method),
        (value: Uint8Array) => Buffer.from(value),
        (bytes) => fromBinary(method.output, bytes) as MessageShape<M["output"]>,
        request instanceof Uint8Array ? request : toBinary(method.input, create(method.input, request)),
        options,
        (error, response) => (error === null ? resolve(response!) : reject(error)),
      );
      options.signal?.addEventListener("abort", () => call.cancel());
    });
  }

  /** The error of a call that must fail. */
  async failure<M extends DescMethod>(
    method: M,
    request: MessageInitShape<M["input"]> | Uint8Array,
    options: CallOptions & { signal?: AbortSignal } = {},
  ): Promise<Failure> {
    try {
      await this.call(method, request, options);
    } catch (error) {
      return readFailure(error as ServiceError);
    }
    throw new Error(`${method.name} succeeded`);
  }

  stream<M extends DescMethod>(
    method: M,
    request: MessageInitShape<M["input"]>,
    options: CallOptions = {},
  ): ClientReadableStream<MessageShape<M["output"]>> {
    return this.client.makeServerStreamRequest(
      path(method),
      (value: MessageShape<M["input"]>) => Buffer.from(toBinary(method.input, value)),
      (bytes) => fromBinary(method.output, bytes) as MessageShape<M["output"]>,
      create(method.input, request) as MessageShape<M["input"]>,
      options,
    );
  }

  /** Sends all of `requests`, whatever happens, and returns the answer. */
  send<M extends DescMethod>(
    method: M,
    requests: readonly (MessageInitShape<M["input"]> | Uint8Array)[],
    options: CallOptions = {},
  ): Promise<MessageShape<M["output"]>> {
    const { call, answer } = this.upload(method, options);
    for (const request of requests) call.write(request);
    call.end();
    return answer;
  }

  /** A stream to the server that the test itself writes to and ends. */
  upload<M extends DescMethod>(
    method: M,
    options: CallOptions = {},
  ): {
    readonly call: ClientWritableStream<MessageInitShape<M["input"]> | Uint8Array>;
    readonly answer: Promise<MessageShape<M["output"]>>;
  } {
    const { promise: answer, resolve, reject } = Promise.withResolvers<MessageShape<M["output"]>>();
    const call = this.client.makeClientStreamRequest(
      path(method),
      (value: MessageInitShape<M["input"]> | Uint8Array) =>
        Buffer.from(
          value instanceof Uint8Array ? value : toBinary(method.input, create(method.input, value)),
        ),
      (bytes) => fromBinary(method.output, bytes) as MessageShape<M["output"]>,
      options,
      (error, response) => (error === null ? resolve(response!) : reject(error)),
    );
    return { call, answer };
  }
}

export function readFailure(error: ServiceError): Failure {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  const details = bytes === undefined ? [] : fromBinary(StatusSchema, bytes as Buffer).details;
  const info = details.map((any) => anyUnpack(any, ErrorInfoSchema)).find((found) => found !== undefined);
  const bad = details.map((any) => anyUnpack(any, BadRequestSchema)).find((found) => found !== undefined);
  return {
    code: status[error.code]!,
    message: error.details,
    reason: info?.reason,
    metadata: info?.metadata ?? {},
    violations: Object.fromEntries(
      (bad?.fieldViolations ?? []).map(({ field, description }) => [field, description]),
    ),
  };
}

function path(method: DescMethod): string {
  return `/${(method.parent as DescService).typeName}/${method.name}`;
}
