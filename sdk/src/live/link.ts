import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type LiveEvent, LiveEventSchema, LiveRequestSchema } from "@grokbox/proto/live";
import { closed, GrokboxError } from "../error.ts";
import { toGrokboxError } from "../status-details.ts";
import { Inbox } from "./inbox.ts";

/** `connecting`: also while it waits for the next attempt. `closed`: by its owner. `idle`: nothing is asked, so there is no connection. */
export type LinkState = "idle" | "connecting" | "open" | "closed";

export type Question = NonNullable<MessageInitShape<typeof LiveRequestSchema>["request"]>;
export type Answer = LiveEvent["event"];

/** Every question is answered, or given a sign of life, every 5 s: after two and a half times that the connection is dead. */
const silenceMs = 12_500;

/** One WebSocket, and the questions that are open on it. Connects when something is asked; does not repeat what it breaks off. */
export class Link {
  readonly #url: string;
  readonly #WebSocket: typeof WebSocket;
  readonly #onState: (state: LinkState) => void;
  readonly #inboxes = new Map<number, Inbox<Answer>>();
  #socket: WebSocket | undefined;
  #opening: Promise<WebSocket> | undefined;
  #lastSubscription = 0;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(url: string, socketClass: typeof WebSocket, onState: (state: LinkState) => void) {
    this.#url = url;
    this.#WebSocket = socketClass;
    this.#onState = onState;
  }

  /**
   * Asks, and gives the answers until the last one. Leaving the loop cancels the question.
   *
   * @throws UNAVAILABLE when there is no connection, or it breaks, or when more came than is kept for a reader that takes its time
   */
  async *ask(request: Question, signal: AbortSignal): AsyncGenerator<Answer, void, undefined> {
    const socket = await this.#connected();
    if (signal.aborted) return;
    const subscription = this.#nextSubscription();
    const inbox = new Inbox<Answer>();
    this.#inboxes.set(subscription, inbox);
    const stop = () => inbox.end();
    signal.addEventListener("abort", stop);
    let isOver = false;
    try {
      this.#listen();
      socket.send(encode({ subscription, request }));
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
        socket.send(encode({ subscription, request: { case: "cancel", value: {} } }));
      }
      if (this.#inboxes.size === 0) clearTimeout(this.#silence);
    }
  }

  /** Ends all questions with CLOSED. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#break(closed());
    this.#onState("closed");
  }

  #nextSubscription(): number {
    do this.#lastSubscription = (this.#lastSubscription % 0xffff_ffff) + 1;
    while (this.#inboxes.has(this.#lastSubscription));
    return this.#lastSubscription;
  }

  #connected(): Promise<WebSocket> {
    if (this.#isClosed) return Promise.reject(closed());
    this.#opening ??= this.#connect();
    return this.#opening;
  }

  #connect(): Promise<WebSocket> {
    this.#onState("connecting");
    return new Promise((resolve, reject) => {
      const socket = new this.#WebSocket(this.#url);
      socket.binaryType = "arraybuffer";
      this.#socket = socket;
      socket.onopen = () => {
        this.#onState("open");
        resolve(socket);
      };
      socket.onmessage = ({ data }) => this.#receive(data as ArrayBuffer);
      // The close event that follows says what there is to say.
      socket.onerror = () => {};
      socket.onclose = ({ code, reason, wasClean }) => {
        if (this.#socket !== socket) return;
        const failure = lost(code, reason);
        const isIdle = wasClean && this.#inboxes.size === 0;
        this.#break(failure);
        this.#onState(isIdle ? "idle" : "connecting");
        reject(failure);
      };
    });
  }

  #receive(data: ArrayBuffer): void {
    this.#listen();
    const { subscription, event } = fromBinary(LiveEventSchema, new Uint8Array(data));
    // Of a question that was cancelled, events may still be on their way.
    const inbox = this.#inboxes.get(subscription);
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
      this.#onState("connecting");
    }, silenceMs);
  }

  /** Lets go of the socket, and fails what is asked on it. */
  #break(failure: GrokboxError): void {
    clearTimeout(this.#silence);
    const socket = this.#socket;
    this.#socket = undefined;
    this.#opening = undefined;
    if (socket !== undefined && socket.readyState <= socket.OPEN) socket.close();
    for (const inbox of this.#inboxes.values()) inbox.fail(failure);
  }
}

function encode(request: MessageInitShape<typeof LiveRequestSchema>): Uint8Array<ArrayBuffer> {
  return toBinary(LiveRequestSchema, create(LiveRequestSchema, request));
}

function lost(code: number, reason: string): GrokboxError {
  const why = reason === "" ? `close code ${code}` : reason;
  return new GrokboxError(`the live connection was lost: ${why}`, { code: "UNAVAILABLE" });
}
