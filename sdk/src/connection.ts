import {
  create,
  type DescMessage,
  type DescMethodClientStreaming,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { Backoff, type BackoffOptions } from "./backoff.ts";
import { type CallOptions, Deadline } from "./deadline.ts";
import { invalidField, show } from "./error.ts";
import type { Known } from "./known-keys.ts";
import { randomId } from "./random-id.ts";
import { retrying } from "./retry.ts";
import type { AttemptOptions, Transport } from "./transport.ts";

/** How the calls of one connection behave. */
export interface ConnectionOptions {
  /** Deadline of calls that are given none, milliseconds. @default 60,000 */
  readonly callDeadlineMs?: number | undefined;
  /** Interval in which the server gives signs of life on a silent stream of progress, milliseconds, greater than 0. @default 5,000 */
  readonly heartbeatMs?: number | undefined;
  /** Waits between attempts while no server answers. */
  readonly backoff?: BackoffOptions | undefined;
}

export const connectionKeys: Known<ConnectionOptions> = {
  callDeadlineMs: true,
  heartbeatMs: true,
  backoff: true,
};

/** Deadline of calls that train or move weights, unless told otherwise: as much as a person may want to wait for, milliseconds. */
export const longDeadlineMs = 600_000;

/** The options of a call that may be one of several under a common deadline. */
export interface PartOptions extends CallOptions {
  /** In place of `deadlineMs`. */
  readonly deadline?: Deadline;
}

/** A message with the id that makes repeating it safe. */
type Mutation<I extends DescMessage> = MessageInitShape<I> & { readonly requestId?: never };

/** Calls with a total deadline, retried while no server answers; what every handle of one `Grokbox` shares. */
export class Connection {
  readonly #transport: Transport;
  readonly callDeadlineMs: number;
  readonly heartbeatMs: number;
  readonly backoff: Backoff;

  constructor(transport: Transport, options: ConnectionOptions = {}) {
    this.#transport = transport;
    this.callDeadlineMs = options.callDeadlineMs ?? 60_000;
    this.heartbeatMs = options.heartbeatMs ?? 5_000;
    if (!(typeof this.heartbeatMs === "number" && this.heartbeatMs > 0))
      throw invalidField("heartbeatMs", "must be greater than 0", show(this.heartbeatMs));
    this.backoff = new Backoff(options.backoff);
  }

  /** A call that changes nothing. */
  read<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options: PartOptions,
  ): Promise<MessageShape<O>> {
    const message = create(method.input, request);
    return this.retrying(
      (timeoutMs) => this.#transport.unary(method, message, { signal: options.signal, timeoutMs }),
      options,
    );
  }

  /** A call that changes something, under a request_id that stays the same over all attempts. */
  mutate<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: Mutation<I>,
    options: PartOptions,
  ): Promise<MessageShape<O>> {
    return this.read(method, { ...request, requestId: randomId() } as MessageInitShape<I>, options);
  }

  /** One attempt at a stream of answers; whoever reads it knows where to resume. */
  stream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageInitShape<I>,
    options: AttemptOptions,
  ): AsyncGenerator<MessageShape<O>, void, undefined> {
    return this.#transport.serverStream(method, create(method.input, request), options);
  }

  /** @param requests - makes the messages anew for every attempt, with one request_id in all of them */
  upload<I extends DescMessage, O extends DescMessage>(
    method: DescMethodClientStreaming<I, O>,
    requests: () => Iterable<MessageInitShape<I>> | AsyncIterable<MessageInitShape<I>>,
    options: PartOptions,
  ): Promise<MessageShape<O>> {
    async function* messages() {
      for await (const request of requests()) yield create(method.input, request);
    }
    return this.retrying(
      (timeoutMs) => this.#transport.clientStream(method, messages(), { signal: options.signal, timeoutMs }),
      options,
    );
  }

  /** Repeats `attempt`, which must be safe to repeat, while no server answers and the call's deadline allows. */
  async retrying<T>(attempt: (timeoutMs: number) => Promise<T>, options: PartOptions): Promise<T> {
    const deadline = options.deadline ?? this.deadline(options);
    return retrying(attempt, { deadline, backoff: this.backoff, signal: options.signal });
  }

  /** The deadline of a call that begins now. */
  deadline({ deadlineMs }: CallOptions, defaultMs: number = this.callDeadlineMs): Deadline {
    return new Deadline(deadlineMs ?? defaultMs);
  }

  close(): void {
    this.#transport.close();
  }
}
