import { toHex } from "./hex.ts";

/** Random bytes not given out yet, from `used` on: to draw them for each id would take longer than the rest of a call's bookkeeping. */
const drawn = new Uint8Array(4096);
let used = drawn.length;

/** A random UUID (RFC 9562, version 4). `crypto.randomUUID` is missing from pages that came over plain HTTP from another machine. */
export function randomId(): string {
  if (used === drawn.length) {
    crypto.getRandomValues(drawn);
    used = 0;
  }
  const bytes = drawn.slice(used, used + 16);
  used += 16;
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
