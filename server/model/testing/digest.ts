import { createHash } from "node:crypto";

/** First 16 hexadecimal digits of the SHA-256 of an array's bytes (little-endian, as every platform here is). */
export function digest(values: Float32Array | Uint32Array | Uint8Array): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}
