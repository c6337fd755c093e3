import { toHex } from "./hex.ts";

/** A random UUID (RFC 9562, version 4). */
export function randomId(): string {
  // Missing from pages that came over plain HTTP from another machine; where it is there it draws many at once.
  return crypto.randomUUID?.() ?? uuidOf(crypto.getRandomValues(new Uint8Array(16)));
}

/** The UUID of version 4 that 16 random bytes make; they are changed. */
export function uuidOf(bytes: Uint8Array): string {
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
