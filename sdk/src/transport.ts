import type {
  DescMessage,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  MessageShape,
} from "@bufbuild/protobuf";

/** What carries calls to a server. Every failure is a GrokboxError; nothing is retried here. */
export interface Transport {
  unary<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageShape<I>,
    options: AttemptOptions,
  ): Promise<MessageShape<O>>;

  /** Leaving the loop cancels the call. What is not read is not received: a slow reader costs no memory. */
  serverStream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodServerStreaming<I, O>,
    request: MessageShape<I>,
    options: AttemptOptions,
  ): AsyncGenerator<MessageShape<O>, void, undefined>;

  /** Takes requests no faster than the server does, and no more of them once it has answered. */
  clientStream<I extends DescMessage, O extends DescMessage>(
    method: DescMethodClientStreaming<I, O>,
    requests: Iterable<MessageShape<I>> | AsyncIterable<MessageShape<I>>,
    options: AttemptOptions,
  ): Promise<MessageShape<O>>;

  /** Cancels the calls under way and lets go of the connection. Idempotent. */
  close(): void;
}

/** How one attempt at a call is to be made. */
export interface AttemptOptions {
  readonly signal?: AbortSignal | undefined;
  /** Fails with DEADLINE_EXCEEDED after this long. Left out: never. */
  readonly timeoutMs?: number | undefined;
}
