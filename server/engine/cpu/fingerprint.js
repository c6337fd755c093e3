import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

// Plain JavaScript, as build-addon.js is.

/** Of the C++ sources. The committed WebAssembly module carries the one that it was built from. */
export function sourcesFingerprint() {
  const hash = createHash("sha256");
  const sources = new URL("./native/", import.meta.url);
  for (const name of readdirSync(sources).sort())
    hash.update(name).update(readFileSync(new URL(name, sources)));
  return hash.digest("hex");
}

/** What the addon depends on: one with another stamp was built from other sources or for another kind of machine. */
export function addonFingerprint() {
  return `${process.platform}-${process.arch}-${sourcesFingerprint()}`;
}

/** Where the addon is, and the fingerprint that it was built with. */
export const addonFile = new URL("./build/kernel.node", import.meta.url);
export const addonStamp = new URL("./build/kernel.json", import.meta.url);

export const wasmFile = new URL("./kernel.wasm", import.meta.url);
export const wasmStamp = new URL("./kernel.wasm.json", import.meta.url);
