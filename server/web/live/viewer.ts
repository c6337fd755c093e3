import type { WebSocket } from "ws";
import {
  decodeLiveRequest,
  failureEvent,
  type LiveQuestion,
  type LiveRequest,
  liveEvent,
  parseLiveQuestion,
} from "../../messages/live.ts";

/** Bytes on their way to a viewer from which on answers wait, each with one event in hand: what it does not read is not made. */
const highWaterBytes = 256 * 1024;

/** Part of a long answer. */
const longFrameBytes = 8 * 1024;

/** Bytes on their way from which on a viewer that pings is cut off: it does not read the pongs. */
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
  /** Answers that wait for room. */
  readonly #waiting = new Set<() => void>();
  /** When it last had a question, by `performance.now()`. */
  #askedMs = performance.now();

  constructor(socket: WebSocket, parts: ViewerParts) {
    this.#socket = socket;
    this.#parts = parts;
    socket.on("message", (data, isBinary) => this.#receive(data as Buffer, isBinary));
    socket.on("ping", (data) => this.#pong(data));
    socket.on("close", () => this.#leave());
    // What is wrong with a frame is told to the peer by its close code; that a peer vanished is no news.
    socket.on("error", () => {});
  }

  /** How long nothing has been asked, milliseconds; 0 while a question is open. */
  get idleMs(): number {
    return this.#open.size > 0 ? 0 : performance.now() - this.#askedMs;
  }

  /** Ends all answers, and tells the viewer why. */
  close(code: number, reason: string): void {
    this.#leave();
    this.#socket.close(code, reason);
  }

  #receive(data: Buffer, isBinary: boolean): void {
    // What comes before the peer takes note that it was closed is not answered any more.
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const request = isBinary ? decodeLiveRequest(data) : undefined;
    const fault = this.#faultOf(request, isBinary);
    if (request === undefined || fault !== undefined) {
      if (fault !== undefined) this.close(...fault);
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
        await this.#send(liveEvent(subscription, event), signal);
        if (signal.aborted) return;
      }
    } catch (error) {
      await this.#send(liveEvent(subscription, failureEvent(error, this.#parts.onDefect)), signal);
    } finally {
      if (!signal.aborted) {
        this.#open.delete(subscription);
        this.#askedMs = performance.now();
      }
    }
  }

  /** Sends when there is room, unless `signal` aborts before. Resolves when, after much, others have had their turn. */
  async #send(frame: Uint8Array, signal: AbortSignal): Promise<void> {
    const socket = this.#socket;
    while (socket.bufferedAmount >= highWaterBytes && !signal.aborted) await this.#room(signal);
    if (signal.aborted) return;
    // It broke the rules of WebSocket itself, and is being closed.
    if (socket.readyState !== socket.OPEN) return this.#leave();
    this.#parts.onSent(frame.length);
    socket.send(frame, this.#makeRoom);
    if (frame.length >= longFrameBytes) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Resolves when something has left for the viewer, or `signal` aborts. */
  #room(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        this.#waiting.delete(finish);
        signal.removeEventListener("abort", finish);
        resolve();
      };
      this.#waiting.add(finish);
      signal.addEventListener("abort", finish);
    });
  }

  readonly #makeRoom = () => {
    for (const finish of [...this.#waiting]) finish();
  };

  #pong(data: Buffer): void {
    if (this.#socket.bufferedAmount > mostUnreadBytes) this.#socket.terminate();
    else this.#socket.pong(data, false, this.#makeRoom);
  }

  #leave(): void {
    for (const asked of this.#open.values()) asked.abort();
    this.#open.clear();
  }
}
