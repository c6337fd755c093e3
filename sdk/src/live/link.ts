import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type LiveEvent, LiveEventSchema, LiveRequestSchema } from "@grokbox/proto/live";
import { decode, encode } from "../codec.ts";
import { badAnswer, cancelled, closed, GrokboxError } from "../error.ts";
import { onAbort } from "../signals.ts";
import { toGrokboxError } from "../status-details.ts";
import { Inbox } from "./inbox.ts";

/** `connecting`: also while it waits for the next attempt. `closed`: by its owner. `idle`: nothing is asked, so there is no connection. */
export type LinkState = "idle" | "connecting" | "open" | "closed";

export type Question = NonNullable<MessageInitShape<typeof LiveRequestSchema>["request"]>;
export type Answer = LiveEvent["event"];

/**
 * Every question is answered, or given a sign of life, every 5 s: after two and a half times that the connection is dead. So is one that
 * takes as long to open.
 */
const silenceMs = 12_500;

/** One WebSocket, and the questions that are open on it. Connects when something is asked; does not repeat what it breaks off. */
export class Link {
  readonly #url: string;
  readonly #WebSocket: typeof WebSocket;
  readonly #onState: (state: LinkState) => void;
  readonly #inboxes = new Map<number, Inbox<Answer>>();
  #socket: WebSocket | undefined;
  #opening: Promise<WebSocket> | undefined;
  #failOpening: (failure: GrokboxError) => void = () => {};
  /** Who asks, or will ask again. */
  #askers = 0;
  #lastSubscription = 0;
  #silence: ReturnType<typeof setTimeout> | undefined;
  readonly #closing = new AbortController();

  constructor(url: string, socketClass: typeof WebSocket, onState: (state: LinkState) => void) {
    this.#url = url;
    this.#WebSocket = socketClass;
    this.#onState = onState;
  }

  /** Fires when it is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Somebody is going to ask, and perhaps to ask again. Returns what ends that. */
  enter(): () => void {
    this.#askers++;
    return () => {
      if (--this.#askers > 0 || this.#isClosed || this.#socket?.readyState === this.#WebSocket.OPEN) return;
      this.#break(lost("nothing is asked any more"));
    };
  }

  /**
   * Asks, and gives the answers until the last one. Leaving the loop cancels the question.
   *
   * @throws UNAVAILABLE when there is no connection, or it breaks, or when more came than is kept for a reader that takes its time
   */
  async *ask(request: Question, signal: AbortSignal): AsyncGenerator<Answer, void, undefined> {
    const socket = await this.#connected(signal);
    if (this.#socket !== socket) throw this.#isClosed ? closed() : lost("it was closed at once");
    const subscription = this.#nextSubscription();
    const frame = frameOf({ subscription, request });
    const inbox = new Inbox<Answer>();
    this.#inboxes.set(subscription, inbox);
    const stop = () => inbox.end();
    signal.addEventListener("abort", stop);
    let isOver = false;
    try {
      this.#listen();
      socket.send(frame);
      for await (const event of inbox) {
        if (event.case === "failure") {
          isOver = true;
          const { code, message, details } = event.value;
          throw toGrokboxError({ code, message, details });
        }
        isOver = event.case === "end" || event.case === "done";
        yield event;
        if (isOver) return;
      }
    } finally {
      signal.removeEventListener("abort", stop);
      this.#inboxes.delete(subscription);
      if (!isOver && socket.readyState === socket.OPEN) {
        socket.send(frameOf({ subscription, request: { case: "cancel", value: {} } }));
      }
      if (this.#inboxes.size === 0 && this.#socket === socket) clearTimeout(this.#silence);
    }
  }

  /** Ends all questions with CLOSED. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#closing.abort();
    this.#break(closed());
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  #nextSubscription(): number {
    do this.#lastSubscription = (this.#lastSubscription % 0xffff_ffff) + 1;
    while (this.#inboxes.has(this.#lastSubscription));
    return this.#lastSubscription;
  }

  #connected(signal: AbortSignal): Promise<WebSocket> {
    if (this.#isClosed) return Promise.reject(closed());
    if (signal.aborted) return Promise.reject(cancelled(signal));
    this.#opening ??= this.#connect();
    const opening = this.#opening;
    return new Promise((resolve, reject) => {
      const ignore = onAbort(signal, () => reject(cancelled(signal)));
      opening.then(resolve, reject).finally(ignore);
    });
  }

  #connect(): Promise<WebSocket> {
    this.#onState("connecting");
    return new Promise((resolve, reject) => {
      const socket = new this.#WebSocket(this.#url);
      socket.binaryType = "arraybuffer";
      this.#socket = socket;
      this.#failOpening = reject;
      this.#listen();
      socket.onopen = () => {
        if (this.#socket !== socket) return;
        clearTimeout(this.#silence);
        resolve(socket);
        this.#onState("open");
      };
      socket.onmessage = ({ data }) => {
        if (this.#socket === socket) this.#receive(data as ArrayBuffer | string);
      };
      // The close event that follows says what there is to say.
      socket.onerror = () => {};
      socket.onclose = ({ code, reason }) => {
        if (this.#socket === socket) this.#break(lost(reason === "" ? `close code ${code}` : reason));
      };
    });
  }

  #receive(data: ArrayBuffer | string): void {
    const answer = decodeEvent(data);
    if (answer === undefined) {
      this.#break(badAnswer("what came is no grokbox.v1.LiveEvent"));
      return;
    }
    const { subscription, event } = answer;
    // Of a question that was cancelled, events may still be on their way.
    const inbox = this.#inboxes.get(subscription);
    if (this.#inboxes.size > 0) this.#listen();
    if (inbox === undefined || inbox.put(event)) return;
    // Its reader will find out, and ask again from where it is: what it can't keep up with stays on the server.
    inbox.fail(new GrokboxError("more came than its reader took", { code: "UNAVAILABLE" }));
  }

  #listen(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      const failure = new GrokboxError(`nothing came for ${silenceMs / 1000} s, not even a sign of life`, {
        code: "UNAVAILABLE",
      });
      this.#break(failure);
    }, silenceMs);
  }

  /** Lets go of the socket, and fails what is asked on it. */
  #break(failure: GrokboxError): void {
    clearTimeout(this.#silence);
    const socket = this.#socket;
    this.#socket = undefined;
    this.#opening = undefined;
    if (socket !== undefined && socket.readyState <= socket.OPEN) socket.close();
    this.#failOpening(failure);
    for (const inbox of this.#inboxes.values()) inbox.fail(failure);
    this.#onState(this.#isClosed ? "closed" : this.#askers > 0 ? "connecting" : "idle");
  }
}

function frameOf(request: MessageInitShape<typeof LiveRequestSchema>): Uint8Array<ArrayBuffer> {
  return encode(LiveRequestSchema, create(LiveRequestSchema, request)) as Uint8Array<ArrayBuffer>;
}

function decodeEvent(data: ArrayBuffer | string): LiveEvent | undefined {
  if (typeof data === "string") return undefined;
  try {
    return decode(LiveEventSchema, new Uint8Array(data));
  } catch {
    return undefined;
  }
}

function lost(why: string): GrokboxError {
  return new GrokboxError(`the live connection was lost: ${why}`, { code: "UNAVAILABLE" });
}
