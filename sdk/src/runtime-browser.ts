import { sha256 } from "@noble/hashes/sha2.js";
import { parseOrigin } from "./address.ts";
import type { Runtime } from "./runtime.ts";
import { webTransport } from "./transport-web.ts";

/** A browser: the Connect protocol by fetch, and a SHA-256 that takes its bytes piece by piece, which WebCrypto's does not. */
export const runtime: Runtime = {
  parseAddress: parseOrigin,
  openTransport: webTransport,
  sha256() {
    const hash = sha256.create();
    return { update: (bytes) => void hash.update(bytes), digest: () => new Uint8Array(hash.digest()) };
  },
  expectManyListeners() {},
};
