/**
 * Live connections in a process of their own, so that what they cost is not taken for the server's. They count what they are sent, and
 * decode nothing.
 */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { LiveRequestSchema } from "@grokbox/proto/live";
import { WebSocket } from "ws";

export type Order =
  | {
      readonly kind: "watch";
      /** host:port of the web port. */
      readonly webAddress: string;
      readonly sockets: number;
      /** sessions/{id} */
      readonly session: string;
      /** 0 for every point. */
      readonly maxPoints: number;
      readonly updatesPerSecond: number;
      /** Let nothing of what is sent leave the sockets. */
      readonly unread: boolean;
    }
  | { readonly kind: "count" }
  | { readonly kind: "leave" };

/** Since it was asked last. */
export interface Count {
  readonly messages: number;
  readonly cpuSeconds: number;
}

let sockets: WebSocket[] = [];
let messages = 0;
let cpu = process.cpuUsage();

process.on("message", async (order: Order) => {
  if (order.kind === "watch")
    sockets.push(...(await Promise.all(Array.from({ length: order.sockets }, () => open(order)))));
  if (order.kind === "leave") {
    for (const socket of sockets) socket.terminate();
    sockets = [];
  }
  const { user, system } = process.cpuUsage(cpu);
  const count: Count = { messages, cpuSeconds: (user + system) / 1e6 };
  messages = 0;
  cpu = process.cpuUsage();
  process.send!(count);
});

process.on("disconnect", () => process.exit());

/** Resolves when the first of its events came. */
async function open({
  webAddress,
  session,
  maxPoints,
  updatesPerSecond,
  unread,
}: Order & { kind: "watch" }): Promise<WebSocket> {
  const socket = new WebSocket(`ws://${webAddress}/live`, {
    perMessageDeflate: false,
    skipUTF8Validation: true,
  });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  socket.on("error", () => {});
  if (unread) socket.pause();
  const value = { session, fromSequence: 1n, maxPoints, updatesPerSecond };
  const request: MessageInitShape<typeof LiveRequestSchema> = {
    subscription: 1,
    request: { case: "progress", value },
  };
  socket.send(toBinary(LiveRequestSchema, create(LiveRequestSchema, request)));
  if (!unread) await new Promise((resolve) => socket.once("message", resolve));
  socket.on("message", () => messages++);
  return socket;
}
