import type { IncomingMessage } from "node:http";
import { hostname } from "node:os";

/**
 * Whether a request may act: not when another site's page sent it. A browser names the page's origin, and what is no browser names none
 * and could speak gRPC as well. The origin must be the one that the request went to, and that must not be a name that a stranger could
 * have pointed here (DNS rebinding): an address, localhost, or this machine's own name, without a domain unless it is set with one, for
 * anybody may own a domain. Further ones are allowed by name.
 *
 * @param allowed - origins such as https://box.lab.example, from the configuration
 */
export function isFromHere({ headers }: IncomingMessage, allowed: readonly string[]): boolean {
  const { origin, host } = headers;
  if (origin === undefined) return true;
  if (allowed.includes(origin)) return true;
  const url = URL.parse(origin);
  if (url === null || !/^https?:$/.test(url.protocol) || url.host !== host?.toLowerCase()) return false;
  return isOwnName(url.hostname);
}

function isOwnName(name: string): boolean {
  return (
    name === "localhost" ||
    name.endsWith(".localhost") ||
    name === hostname().toLowerCase() ||
    /^\d+(\.\d+){3}$/.test(name) ||
    name.startsWith("[")
  );
}
