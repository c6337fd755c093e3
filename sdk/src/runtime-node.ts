import { createHash } from "node:crypto";
import { setMaxListeners } from "node:events";
import { parseHostAndPort } from "./address.ts";
import type { Runtime } from "./runtime.ts";
import { grpcTransport } from "./transport-grpc.ts";

/** Node: gRPC over HTTP/2, and Node's own SHA-256. */
export const runtime: Runtime = {
  parseAddress: parseHostAndPort,
  openTransport: grpcTransport,
  sha256() {
    const hash = createHash("sha256");
    return {
      update: (bytes) => void hash.update(bytes),
      digest: () => new Uint8Array(hash.digest()),
    };
  },
  // Before Node 22 the eleventh call to share a signal would be reported as a leak.
  expectManyListeners(signal) {
    if (signal instanceof EventTarget) setMaxListeners(0, signal);
  },
};
