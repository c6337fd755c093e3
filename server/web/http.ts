import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "../sessions/registry.ts";
import { dashboardFiles } from "./dashboard.ts";
import { Bridge } from "./live/bridge.ts";
import type { Metrics } from "./metrics.ts";
import { isFromHere } from "./origin.ts";

export interface WebServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Writes a defect down, with the path of what has it. */
type OnDefect = (errorId: string, error: unknown, path: string) => void;

export interface WebParts {
  readonly registry: Registry;
  readonly metrics: Metrics;
  /** Answers POST /grokbox.v1.{Service}/{Method}. */
  readonly calls: (request: IncomingMessage, response: ServerResponse) => void;
  /** Folder of the built dashboard. */
  readonly dashboard: string;
  /** Origins whose pages may act, besides the server's own. */
  readonly origins: readonly string[];
  readonly onDefect: OnDefect;
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const plain = "text/plain; charset=utf-8";

/**
 * The web port: the dashboard, the API's calls and live connections for it, /metrics for Prometheus, /healthz (200 while the process
 * answers at all) and /readyz (200 while it takes work, 503 once it shuts down) for whoever supervises it.
 */
export async function serveWeb(parts: WebParts, host: string, port: number): Promise<WebServer> {
  const { registry, metrics, calls, origins, onDefect } = parts;
  const pages: Readonly<Record<string, () => Page | Promise<Page>>> = {
    "/metrics": async () => ({ status: 200, type: metrics.contentType, body: await metrics.text() }),
    "/healthz": () => text(200, "ok\n"),
    "/readyz": () => (registry.closing.aborted ? text(503, "shutting down\n") : text(200, "ok\n")),
  };
  const files = dashboardFiles(parts.dashboard);
  const bridge = new Bridge({
    registry,
    origins,
    onDefect: (errorId, error) => onDefect(errorId, error, "/live"),
    onSent: (bytes) => metrics.liveEvent(bytes),
  });
  metrics.observeLive(() => bridge.size);

  // Other upgrades, such as the one to HTTP/2 that some clients offer with every request, are declined by answering the request.
  const shouldUpgradeCallback = ({ headers }: IncomingMessage) =>
    headers.upgrade?.toLowerCase() === "websocket";
  const server = createServer({ shouldUpgradeCallback }, async (request, response) => {
    const path = pathOf(request);
    response.setHeader("x-content-type-options", "nosniff");
    if (path.startsWith("/grokbox.v1.")) {
      if (isFromHere(request, origins)) calls(request, response);
      else
        answer(
          response,
          request,
          text(403, "a page of another origin may not call; the server's --web-origin allows one\n"),
        );
      return;
    }
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (!isRead(request)) answer(response, request, text(405, "only GET and HEAD\n"));
    else if (page !== undefined) {
      answer(response, request, await made(path, page, onDefect));
    } else files(request, response, () => answer(response, request, text(404, `there is no ${path}\n`)));
  });
  server.on("upgrade", (request, socket, head) => bridge.upgrade(request, socket, head));
  server.requestTimeout = 60_000;
  server.headersTimeout = 10_000;
  await listening(server, host, port);
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      await bridge.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The page, or else what tells of the defect that kept it from being made. */
async function made(path: string, page: () => Page | Promise<Page>, onDefect: OnDefect): Promise<Page> {
  try {
    return await page();
  } catch (cause) {
    const errorId = crypto.randomUUID();
    onDefect(errorId, cause, path);
    return text(500, `a defect of the server; its log has it as ${errorId}\n`);
  }
}

function pathOf({ url = "/" }: IncomingMessage): string {
  return url.split("?", 1)[0]!;
}

function isRead({ method }: IncomingMessage): boolean {
  return method === "GET" || method === "HEAD";
}

function answer(response: ServerResponse, request: IncomingMessage, { status, type, body }: Page): void {
  response.writeHead(status, {
    "content-type": type,
    "content-length": Buffer.byteLength(body),
    ...(status === 405 ? { allow: "GET, HEAD" } : {}),
  });
  response.end(request.method === "HEAD" ? undefined : body);
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
