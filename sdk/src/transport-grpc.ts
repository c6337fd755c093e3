import { ChannelCredentials, Client, Metadata, type ServiceError } from "@grpc/grpc-js";
import { decode, encode, pathOf } from "./codec.ts";
import { cancelled, closed, GrokboxError } from "./error.ts";
import { onAbort } from "./signals.ts";
import { detailsIn, toGrokboxError } from "./status-details.ts";
import type { AttemptOptions, Transport } from "./transport.ts";

/** The trailer that carries a google.rpc.Status, as every gRPC implementation names it. */
const statusKey = "grpc-status-details-bin";

/** As the server's own limit. Whatever can be larger travels in chunks. */
const maxMessageBytes = 4 * 2 ** 20;

interface Cancellable {
  cancel(): void;
}

/** Calls over one HTTP/2 connection to `address`, host:port; grpc-js connects, and connects again, by itself. */
export function grpcTransport(address: string): Transport {
  const client = new Client(address, ChannelCredentials.createInsecure(), {
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    // Finds out within 40 s that a network went away under a call that is silent by nature, such as a long Step.
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    // Its own waits before connecting again; the defaults, 1 s to 2 min, would outlast our retries.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 2_000,
    // Closing this client closes this connection.
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_http_proxy": isLoopback(address) ? 0 : 1,
    "grpc.enable_channelz": 0,
  });
  const calls = new Set<Cancellable>();
  let isClosed = false;

  /** Cancels `call` when `signal` fires or the transport is closed, until released. */
  const track = (call: Cancellable, signal: AbortSignal | undefined) => {
    const cancel = () => call.cancel();
    calls.add(call);
    const ignore = signal && onAbort(signal, cancel);
    return () => {
      calls.delete(call);
      ignore?.();
    };
  };

  const checkOpen = (signal: AbortSignal | undefined) => {
    if (isClosed) throw closed();
    if (signal?.aborted) throw cancelled(signal);
  };

  const failure = (error: unknown, signal: AbortSignal | undefined) => {
    if (error instanceof GrokboxError) return error;
    if (signal?.aborted) return cancelled(signal);
    return isClosed ? closed() : fromServiceError(error as ServiceError);
  };

  return {
    async unary(method, request, { signal, timeoutMs }) {
      checkOpen(signal);
      const bytes = bufferOf(encode(method.input, request));
      return new Promise((resolve, reject) => {
        const call = client.makeUnaryRequest(
          pathOf(method),
          identity,
          (answer: Buffer) => decode(method.output, answer),
          bytes,
          new Metadata(),
          deadline(timeoutMs),
          (error, answer) => {
            release();
            if (error === null) resolve(answer!);
            else reject(failure(error, signal));
          },
        );
        const release = track(call, signal);
      });
    },

    async *serverStream(method, request, { signal, timeoutMs }) {
      checkOpen(signal);
      const call = client.makeServerStreamRequest(
        pathOf(method),
        identity,
        (answer: Buffer) => decode(method.output, answer),
        bufferOf(encode(method.input, request)),
        new Metadata(),
        deadline(timeoutMs),
      );
      // The status of a call that nobody iterates any more arrives as an error event all the same.
      call.on("error", () => {});
      const release = track(call, signal);
      try {
        yield* call;
      } catch (error) {
        throw failure(error, signal);
      } finally {
        release();
        call.cancel();
      }
    },

    async clientStream(method, requests, { signal, timeoutMs }) {
      checkOpen(signal);
      let settled = false;
      return new Promise((resolve, reject) => {
        const call = client.makeClientStreamRequest<Buffer, never>(
          pathOf(method),
          identity,
          (answer: Buffer) => decode(method.output, answer) as never,
          new Metadata(),
          deadline(timeoutMs),
          (error, answer) => {
            settled = true;
            release();
            // Wakes a sender that waits for room that will never come.
            call.emit("drain");
            if (error === null) resolve(answer!);
            else reject(failure(error, signal));
          },
        );
        call.on("error", () => {});
        const release = track(call, signal);
        const send = async () => {
          for await (const request of requests) {
            if (settled) return;
            if (!call.write(bufferOf(encode(method.input, request)))) {
              await new Promise((resume) => call.once("drain", resume));
            }
          }
          if (!settled) call.end();
        };
        send().catch((error) => {
          reject(error);
          call.cancel();
        });
      });
    },

    close() {
      if (isClosed) return;
      isClosed = true;
      for (const call of calls) call.cancel();
      client.close();
    },
  };
}

function fromServiceError(error: ServiceError): GrokboxError {
  const status = error.metadata?.get(statusKey)[0];
  return toGrokboxError({
    code: error.code ?? 2,
    message: (error.details ?? error.message).replace(/\.? Resolution note:\s*$/, ""),
    details: status instanceof Uint8Array ? detailsIn(status) : [],
    cause: error,
  });
}

function deadline(timeoutMs: AttemptOptions["timeoutMs"]) {
  return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function identity(bytes: Buffer): Buffer {
  return bytes;
}

/** A proxy of the environment is for the world outside, and could not reach this machine's loopback. */
function isLoopback(address: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]):\d+$/.test(address);
}
