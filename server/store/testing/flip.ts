import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";

/** Inverts one bit of a file that nobody has open. */
export function flip(file: string, offset: number, bit = 0): void {
  const descriptor = openSync(file, "r+");
  const byte = new Uint8Array(1);
  readSync(descriptor, byte, 0, 1, offset);
  byte[0]! ^= 1 << bit;
  writeSync(descriptor, byte, 0, 1, offset);
  closeSync(descriptor);
}

/** Where `bytes` begin in a file; of several places the last one. */
export function find(file: string, bytes: Uint8Array): number {
  const at = readFileSync(file).lastIndexOf(bytes);
  if (at < 0) throw new Error("these bytes are not in the file");
  return at;
}
