import type { Transport } from "./transport.ts";

/**
 * What differs between Node and a browser. `#runtime` (package.json, `imports`) is the one for where the SDK runs: `runtime-node.ts`, or
 * `runtime-browser.ts` where a bundler resolves the condition `browser`.
 */
export interface Runtime {
  /** The address of a server as the transport takes it, of what a person typed. Throws INVALID_FIELD. */
  parseAddress(address: string): string;
  openTransport(address: string): Transport;
  /** A SHA-256 in the making. */
  sha256(): { update(bytes: Uint8Array): void; digest(): Uint8Array<ArrayBuffer> };
  /** Many calls may share this signal, and that is no leak. */
  expectManyListeners(signal: AbortSignal): void;
}
