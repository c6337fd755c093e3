import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "../sessions/registry.ts";
import type { Metrics } from "./metrics.ts";

export interface WebServer {
  readonly port: number;
  close(): Promise<void>;
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const plain = "text/plain; charset=utf-8";

/**
 * The web port: /metrics for Prometheus, /healthz (200 while the process answers at all) and /readyz (200 while it takes work, 503 once
 * it shuts down) for whoever supervises it.
 */
export async function serveWeb(
  registry: Registry,
  metrics: Metrics,
  host: string,
  port: number,
): Promise<WebServer> {
  const pages: Readonly<Record<string, () => Page | Promise<Page>>> = {
    "/": () =>
      text(
        200,
        "grokbox\n\n/metrics  for Prometheus\n/healthz  the process answers\n/readyz   it takes work\n",
      ),
    "/metrics": async () => ({ status: 200, type: metrics.contentType, body: await metrics.text() }),
    "/healthz": () => text(200, "ok\n"),
    "/readyz": () => (registry.closing.aborted ? text(503, "shutting down\n") : text(200, "ok\n")),
  };
  const server = createServer(async (request, response) => {
    const page = await find(pages, request).catch(() => text(500, "a defect of the server\n"));
    answer(response, request, page);
  });
  server.requestTimeout = 10_000;
  await listening(server, host, port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function find(
  pages: Readonly<Record<string, () => Page | Promise<Page>>>,
  { method, url = "/" }: IncomingMessage,
): Promise<Page> {
  const path = url.split("?", 1)[0]!;
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (page === undefined) return text(404, `there is no ${path}\n`);
  if (method !== "GET" && method !== "HEAD") return text(405, "only GET and HEAD\n");
  return page();
}

function answer(response: ServerResponse, { method }: IncomingMessage, { status, type, body }: Page): void {
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    "x-content-type-options": "nosniff",
    ...(status === 405 ? { allow: "GET, HEAD" } : {}),
  });
  response.end(method === "HEAD" ? undefined : body);
}

function text(status: number, body: string): Page {
  return { status, type: plain, body };
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(new Error(`can't listen on ${host}:${port}: ${error.message}`, { cause: error })),
    );
    server.listen({ host, port }, resolve);
  });
}
