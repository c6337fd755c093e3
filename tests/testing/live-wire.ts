import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type LiveEvent, LiveEventSchema, LiveRequestSchema } from "@grokbox/proto/live";
import { type ClientOptions, WebSocket } from "ws";

type Request = MessageInitShape<typeof LiveRequestSchema>["request"];

/** How a connection ended. */
export interface Close {
  readonly code: number;
  readonly reason: string;
}

/** A bare live connection, so that tests see what goes over the wire and nothing that the SDK adds. */
export class LiveWire implements Disposable {
  readonly socket: WebSocket;
  readonly events: LiveEvent[] = [];
  readonly closed: Promise<Close>;
  readonly #waiting: (() => void)[] = [];

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.closed = new Promise((resolve) =>
      socket.on("close", (code, reason) => {
        resolve({ code, reason: String(reason) });
        this.#wake();
      }),
    );
    socket.on("message", (data: Buffer) => {
      this.events.push(fromBinary(LiveEventSchema, data));
      this.#wake();
    });
  }

  /** @param address - host:port of the web port */
  static async open(address: string, options: ClientOptions = {}): Promise<LiveWire> {
    const socket = new WebSocket(`ws://${address}/live`, options);
    const wire = new LiveWire(socket);
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    socket.on("error", () => {});
    return wire;
  }

  ask(subscription: number, request: Request): void {
    this.socket.send(
      toBinary(LiveRequestSchema, create(LiveRequestSchema, { subscription, request: request! })),
    );
  }

  /** The first event of a subscription, of those that came and will come, that is of one of these kinds. */
  async event(
    subscription: number,
    ...cases: readonly LiveEvent["event"]["case"][]
  ): Promise<LiveEvent["event"]> {
    for (;;) {
      const found = this.of(subscription).find(({ case: kind }) => cases.includes(kind));
      if (found !== undefined) return found;
      if (this.socket.readyState === WebSocket.CLOSED)
        throw new Error("the connection was closed before that came");
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** What came of a subscription so far. */
  of(subscription: number): LiveEvent["event"][] {
    return this.events.filter((each) => each.subscription === subscription).map(({ event }) => event);
  }

  #wake(): void {
    for (const woken of this.#waiting.splice(0)) woken();
  }

  /** Reads nothing from the network any more: what comes stays in the way. */
  stopReading(): void {
    this.socket.pause();
  }

  readAgain(): void {
    this.socket.resume();
  }

  [Symbol.dispose](): void {
    this.socket.terminate();
  }
}
