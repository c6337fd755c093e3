import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingHttpHeaders, ServerOptions } from "node:http2";
import { createServer, type Socket, type Server as SocketServer } from "node:net";
import { type Server, ServerCredentials } from "@grpc/grpc-js";
import { shortenTimeout } from "./timeouts.ts";

export interface Listener {
  readonly port: number;
  /** Takes no more connections, lets calls end for `graceMs`, then cuts off what is left. */
  close(graceMs: number): Promise<void>;
}

/**
 * Streams that the clients of one connection may end before their answer, at once and a second. Node's own 1,000 and 33 are made against
 * those who reset them by the hundred thousand (CVE-2023-44487): above, it ends the connection with INTERNAL_ERROR and whatever else is
 * under way on it, also of somebody who looks at many sessions one after another, or of all who come through one proxy.
 */
const streamResets = { streamResetBurst: 10_000, streamResetRate: 5_000 } satisfies ServerOptions;

/** The only place where a call's headers can be seen before grpc-js sees them. */
const callArrives = "http2.server.stream.created";
const onCall = (message: unknown) => shortenTimeout((message as { headers: IncomingHttpHeaders }).headers);

/**
 * Listens for a gRPC server. The sockets are ours and injected, because grpc-js would wait for ever for a client that doesn't read its
 * stream: `forceShutdown` forgets the connections that `tryShutdown` waits for.
 *
 * @param maxConnections - more are closed at once
 */
export async function listen(
  rpc: Server,
  host: string,
  port: number,
  maxConnections: number,
): Promise<Listener> {
  // There is no option of grpc-js for it. Its HTTP/2 server is made with the injector.
  Object.assign((rpc as unknown as { commonServerOptions: ServerOptions }).commonServerOptions, streamResets);
  const injector = rpc.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    injector.injectConnection(socket);
  });
  server.maxConnections = maxConnections;
  const bound = await listening(server, host, port);
  subscribe(callArrives, onCall);
  return {
    port: bound,
    close: (graceMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => {
          for (const socket of sockets) socket.destroy();
        }, graceMs);
        // Called once every socket is closed: draining closes each when its last call has ended.
        server.close(() => {
          clearTimeout(timer);
          unsubscribe(callArrives, onCall);
          injector.destroy();
          resolve();
        });
        injector.drain(graceMs);
      }),
  };
}

function listening(server: SocketServer, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(new Error(`can't listen on ${host}:${port}: ${error.message}`, { cause: error })),
    );
    server.listen({ host, port }, () => {
      const address = server.address();
      resolve(address !== null && typeof address === "object" ? address.port : port);
    });
  });
}
