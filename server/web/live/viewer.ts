import type { WebSocket } from "ws";
import {
  decodeLiveRequest,
  failureEvent,
  type LiveQuestion,
  type LiveRequest,
  liveEvent,
  parseLiveQuestion,
} from "../../messages/live.ts";
import { GrokboxError } from "../../sessions/errors.ts";

/** Bytes on their way to a viewer from which on its questions wait: what it does not read is not made. */
const highWaterBytes = 256 * 1024;

/** Part of a long answer. */
const longFrameBytes = 8 * 1024;

/** Bytes on their way from which on it is cut off: it asks, and reads no answers. */
const mostUnreadBytes = 1024 * 1024;

const maxSubscriptions = 256;

/** RFC 6455, section 7.4.1. */
const closeCode = { unsupported: 1003, malformed: 1007, policy: 1008 } as const;

export interface ViewerParts {
  answer(question: LiveQuestion, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Writes a defect down. */
  onDefect(errorId: string, error: unknown): void;
  onSent(bytes: number): void;
}

/** One socket: the questions that are open on it, and their answers taking turns. */
export class Viewer {
  readonly #socket: WebSocket;
  readonly #parts: ViewerParts;
  readonly #open = new Map<number, AbortController>();
  /** When it last had a question, by `performance.now()`. */
  #askedMs = performance.now();

  constructor(socket: WebSocket, parts: ViewerParts) {
    this.#socket = socket;
    this.#parts = parts;
    socket.on("message", (data, isBinary) => this.#receive(data as Buffer, isBinary));
    socket.on("ping", (data) => this.#isReading() && socket.pong(data));
    socket.on("close", () => this.#leave());
    // What is wrong with a frame is told to the peer by its close code; that a peer vanished is no news.
    socket.on("error", () => {});
  }

  /** How long nothing has been asked, milliseconds; 0 while a question is open. */
  get idleMs(): number {
    return this.#open.size > 0 ? 0 : performance.now() - this.#askedMs;
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (!this.#isReading()) return;
    const request = isBinary ? decodeLiveRequest(data) : undefined;
    const fault = this.#faultOf(request, isBinary);
    if (request === undefined || fault !== undefined) {
      this.#socket.close(fault?.[0], fault?.[1]);
      this.#leave();
      return;
    }
    this.#askedMs = performance.now();
    const { subscription } = request;
    if (request.request.case === "cancel") {
      this.#open.get(subscription)?.abort();
      this.#open.delete(subscription);
      return;
    }
    const asked = new AbortController();
    this.#open.set(subscription, asked);
    this.#answer(subscription, () => this.#parts.answer(parseLiveQuestion(request), asked.signal), asked);
  }

  /** Close code and reason for a frame that breaks the protocol. */
  #faultOf(request: LiveRequest | undefined, isBinary: boolean): [number, string] | undefined {
    if (!isBinary) return [closeCode.unsupported, "frames must be binary: a grokbox.v1.LiveRequest"];
    if (request === undefined) return [closeCode.malformed, "a frame is no grokbox.v1.LiveRequest"];
    const { subscription } = request;
    if (subscription === 0) return [closeCode.policy, "subscription must be 1 or more; got 0"];
    if (request.request.case === "cancel") return undefined;
    if (this.#open.has(subscription)) return [closeCode.policy, `subscription ${subscription} is in use`];
    if (this.#open.size < maxSubscriptions) return undefined;
    return [closeCode.policy, `there must be at most ${maxSubscriptions} subscriptions at a time`];
  }

  async #answer(
    subscription: number,
    answer: () => AsyncIterable<Uint8Array>,
    { signal }: AbortController,
  ): Promise<void> {
    try {
      for await (const event of answer()) {
        if (signal.aborted) return;
        await this.#send(liveEvent(subscription, event));
      }
      if (signal.aborted) return;
    } catch (error) {
      if (signal.aborted && error instanceof GrokboxError) return;
      await this.#send(liveEvent(subscription, failureEvent(error, this.#parts.onDefect)));
    } finally {
      if (!signal.aborted) {
        this.#open.delete(subscription);
        this.#askedMs = performance.now();
      }
    }
  }

  /** Resolves when more may be sent: when not too much is on its way, and, after much, others have had their turn. */
  #send(frame: Uint8Array): Promise<void> {
    const socket = this.#socket;
    if (socket.readyState !== socket.OPEN) return Promise.resolve();
    this.#parts.onSent(frame.length);
    if (socket.bufferedAmount + frame.length >= highWaterBytes) {
      // Also called when the socket closes with this still in it.
      return new Promise((resolve) => socket.send(frame, () => resolve()));
    }
    socket.send(frame);
    return frame.length < longFrameBytes
      ? Promise.resolve()
      : new Promise((resolve) => setImmediate(resolve));
  }

  /** Cuts off who sends and sends and does not read what that brings. */
  #isReading(): boolean {
    if (this.#socket.bufferedAmount <= mostUnreadBytes) return true;
    this.#socket.terminate();
    return false;
  }

  #leave(): void {
    for (const asked of this.#open.values()) asked.abort();
    this.#open.clear();
  }
}
