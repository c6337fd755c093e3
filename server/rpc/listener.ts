import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingHttpHeaders, ServerHttp2Stream, ServerOptions } from "node:http2";
import { createServer, type Socket, type Server as SocketServer } from "node:net";
import { ServerCredentials } from "@grpc/grpc-js";
import type { RpcServer } from "./rpc-server.ts";
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

interface Arrival {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  /** More are closed at once. */
  readonly maxConnections: number;
  /** A call of a method that there is none of has come: no handler and no interceptor of the server will hear of it. */
  readonly onUnknown: (path: string) => void;
}

/**
 * Listens for a gRPC server. The sockets are ours and injected, because grpc-js would wait for ever for a client that doesn't read its
 * stream: `forceShutdown` forgets the connections that `tryShutdown` waits for.
 */
export async function listen(
  rpc: RpcServer,
  { host, port, maxConnections, onUnknown }: ListenOptions,
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
  const onCall = (message: unknown) => {
    const { stream, headers } = message as Arrival;
    shortenTimeout(headers);
    const path = headers[":path"] ?? "";
    // Those of other servers in this process come here, too.
    if (!rpc.hasMethod(path) && stream.session?.socket.localPort === bound) onUnknown(path);
  };
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
