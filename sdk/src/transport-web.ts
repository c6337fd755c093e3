import {
  create,
  type DescMessage,
  type DescMethod,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type Message,
  type MessageShape,
} from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { encode } from "./codec.ts";
import { longestMs } from "./deadline.ts";
import { cancelled, closed, GrokboxError } from "./error.ts";
import { join } from "./signals.ts";
import { toGrokboxError } from "./status-details.ts";
import type { AttemptOptions, Transport } from "./transport.ts";

/**
 * Calls to a server's web port by fetch, in the Connect protocol's binary form. A browser can't send a stream, so what uploads weights
 * fails with UNIMPLEMENTED.
 *
 * @param origin - such as http://localhost:8080
 */
export function webTransport(origin: string): Transport {
  const connect = createConnectTransport({ baseUrl: origin, useBinaryFormat: true });
  const closing = new AbortController();

  const failure = (error: unknown, signal: AbortSignal | undefined): unknown => {
    if (error instanceof GrokboxError) return error;
    if (signal?.aborted) return cancelled(signal);
    if (closing.signal.aborted) return closed();
    return error instanceof ConnectError ? fromConnectError(error) : error;
  };

  /** Throws before anything is sent: also for a value that its field can't hold. */
  const check = (method: DescMethod, request: Message, signal: AbortSignal | undefined) => {
    if (closing.signal.aborted) throw closed();
    if (signal?.aborted) throw cancelled(signal);
    encode(method.input, request);
  };

  return {
    async unary<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      request: MessageShape<I>,
      { signal, timeoutMs }: AttemptOptions,
    ): Promise<MessageShape<O>> {
      check(method, request, signal);
      const stop = join(signal, closing.signal);
      try {
        const answer = await connect.unary(
          method,
          stop.signal,
          limit(timeoutMs),
          undefined,
          request as never,
        );
        return answer.message;
      } catch (error) {
        throw failure(error, signal);
      } finally {
        stop.release();
      }
    },

    async *serverStream<I extends DescMessage, O extends DescMessage>(
      method: DescMethodServerStreaming<I, O>,
      request: MessageShape<I>,
      { signal, timeoutMs }: AttemptOptions,
    ): AsyncGenerator<MessageShape<O>, void, undefined> {
      check(method, request, signal);
      const stop = join(signal, closing.signal);
      async function* one() {
        yield request as never;
      }
      let messages: AsyncIterator<MessageShape<O>> | undefined;
      try {
        const answer = await connect.stream(method, stop.signal, limit(timeoutMs), undefined, one());
        messages = answer.message[Symbol.asyncIterator]();
        for (let next = await messages.next(); !next.done; next = await messages.next()) yield next.value;
      } catch (error) {
        throw failure(error, signal);
      } finally {
        stop.abort(undefined);
        // Connect's iterator has no `return`: asked after the abort, it lets go of the deadline's timer.
        messages?.next().catch(() => {});
        stop.release();
      }
    },

    async clientStream({ name }) {
      throw new GrokboxError(`a browser can't send a stream, which ${name} takes; use the gRPC port`, {
        code: "UNIMPLEMENTED",
      });
    },

    close: () => closing.abort(),
  };
}

/** At least 1: of 0 Connect makes no deadline. */
function limit(timeoutMs: number | undefined): number {
  return Math.max(1, Math.ceil(timeoutMs ?? longestMs));
}

function fromConnectError(error: ConnectError): GrokboxError {
  // fetch fails with a TypeError when nobody answered.
  const isUnanswered = error.cause instanceof TypeError;
  return toGrokboxError({
    code: isUnanswered ? 14 : error.code,
    message: error.rawMessage,
    details: error.details.flatMap(toAny),
    cause: error,
  });
}

function toAny(detail: ConnectError["details"][number]): Any[] {
  if (!("type" in detail)) return [];
  return [create(AnySchema, { typeUrl: `type.googleapis.com/${detail.type}`, value: detail.value })];
}
