import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Registry } from "../../sessions/registry.ts";
import { isFromHere } from "../origin.ts";
import { Answers } from "./answers.ts";
import { Viewer } from "./viewer.ts";

export const livePath = "/live";

const maxRequestBytes = 64 * 1024;
const maxViewers = 1_000;

/** How long a viewer may be silent. */
export interface Patience {
  /** One that has not answered the ping before is gone. */
  readonly pingMs: number;
  /** A connection on which nothing was asked for so long is closed; viewers connect again when they ask. */
  readonly idleTimeoutMs: number;
}

const usualPatience: Patience = { pingMs: 15_000, idleTimeoutMs: 5 * 60_000 };

/** RFC 6455, section 7.4.1. */
const closeCode = { normal: 1000, goingAway: 1001 } as const;

/** How long viewers get to answer a close before they are cut off. */
const closeMs = 1_000;

interface Attendance {
  readonly viewer: Viewer;
  /** It has answered the last ping. */
  isAlive: boolean;
}

export interface BridgeParts {
  readonly registry: Registry;
  /** Origins besides the server's own. */
  readonly origins: readonly string[];
  /** Writes a defect down. */
  onDefect(errorId: string, error: unknown): void;
  /** Is told of every event sent. */
  onSent(bytes: number): void;
}

/**
 * Live connections (RFC 6455): grokbox.v1.LiveRequest and LiveEvent, binary, at /live. Backpressure is each viewer's own; frames are not
 * compressed, for the cores are there to train.
 */
export class Bridge {
  readonly #parts: BridgeParts;
  readonly #patience: Patience;
  readonly #answers: Answers;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: maxRequestBytes,
    perMessageDeflate: false,
    autoPong: false,
    clientTracking: false,
  });
  readonly #viewers = new Map<WebSocket, Attendance>();
  readonly #pinging: NodeJS.Timeout;
  #isClosing = false;

  constructor(parts: BridgeParts, patience: Patience = usualPatience) {
    this.#parts = parts;
    this.#patience = patience;
    this.#answers = new Answers(parts.registry);
    this.#pinging = setInterval(() => this.#ping(), patience.pingMs).unref();
  }

  /** Viewers connected now. */
  get size(): number {
    return this.#viewers.size;
  }

  /** Takes a request to upgrade, or refuses it: 404, 403 for a page of another site, 503 when there is no room. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refusal = this.#refusalOf(request);
    if (refusal === undefined) {
      this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#welcome(webSocket));
      return;
    }
    const [status, reason] = refusal;
    const fields = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      "content-type: text/plain; charset=utf-8",
      `content-length: ${Buffer.byteLength(reason)}`,
      "connection: close",
    ];
    socket.on("error", () => {});
    // Not left half open: the server would wait for the peer's end when it closes.
    socket.end(`${fields.join("\r\n")}\r\n\r\n${reason}`, () => socket.destroy());
  }

  #refusalOf(request: IncomingMessage): [number, string] | undefined {
    const path = request.url?.split("?", 1)[0];
    if (path !== livePath) return [404, `a live connection is at ${livePath}\n`];
    if (!isFromHere(request, this.#parts.origins)) {
      return [403, "a page of another origin may not connect; the server's --web-origin allows one\n"];
    }
    if (this.#isClosing) return [503, "shutting down\n"];
    if (this.#viewers.size < maxViewers) return undefined;
    return [503, `there are ${maxViewers} live connections already\n`];
  }

  /** Ends answers, tells viewers, and cuts off who does not answer. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#pinging);
    const sockets = [...this.#viewers.keys()];
    const closed = sockets.map((socket) => new Promise<void>((resolve) => socket.once("close", resolve)));
    for (const { viewer } of this.#viewers.values())
      viewer.close(closeCode.goingAway, "the server shuts down");
    const timer = setTimeout(() => {
      for (const socket of sockets) socket.terminate();
    }, closeMs);
    await Promise.all(closed);
    clearTimeout(timer);
  }

  #welcome(socket: WebSocket): void {
    const { onDefect, onSent } = this.#parts;
    const viewer = new Viewer(socket, {
      answer: (question, signal) => this.#answers.to(question, signal),
      onDefect,
      onSent,
    });
    const seen: Attendance = { viewer, isAlive: true };
    this.#viewers.set(socket, seen);
    socket.on("pong", () => {
      seen.isAlive = true;
    });
    socket.on("close", () => this.#viewers.delete(socket));
  }

  #ping(): void {
    const { idleTimeoutMs } = this.#patience;
    for (const [socket, seen] of this.#viewers) {
      const { viewer, isAlive } = seen;
      if (!isAlive) socket.terminate();
      else if (viewer.idleMs > idleTimeoutMs) {
        viewer.close(closeCode.normal, `nothing was asked for ${idleTimeoutMs / 60_000} minutes`);
      } else {
        seen.isAlive = false;
        socket.ping();
      }
    }
  }
}
