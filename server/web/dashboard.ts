import { existsSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import sirv from "sirv";

/** The page loads, and talks to, nothing but this server, and no other page may frame it. */
const contentSecurityPolicy = [
  "default-src 'self'",
  "img-src 'self' data: blob:",
  "style-src 'self' 'unsafe-inline'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

type Files = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/** Serves the built dashboard, compressed as it lies there. Where it was not built, / says how to. */
export function dashboardFiles(folder: string): Files {
  if (!existsSync(join(folder, "index.html"))) return missing;
  return sirv(folder, {
    brotli: true,
    gzip: true,
    etag: true,
    setHeaders: (response, path) => {
      response.setHeader("content-security-policy", contentSecurityPolicy);
      response.setHeader("referrer-policy", "no-referrer");
      // The names of assets change with what is in them.
      if (path.startsWith("/assets/"))
        response.setHeader("cache-control", "public, max-age=31536000, immutable");
      else response.setHeader("cache-control", "no-cache");
    },
  });
}

function missing(request: IncomingMessage, response: ServerResponse, next: () => void): void {
  if (request.url?.split("?", 1)[0] !== "/") {
    next();
    return;
  }
  const body = `grokbox

The dashboard was not built; npm run build:dashboard builds it.

/metrics  for Prometheus
/healthz  the process answers
/readyz   it takes work
`;
  response.writeHead(200, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(body),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}
