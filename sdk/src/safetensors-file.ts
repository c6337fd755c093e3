import type { MessageInitShape } from "@bufbuild/protobuf";
import { FileFormat, type FileInfoSchema } from "@grokbox/proto/snapshot";
import { runtime } from "#runtime";
import { invalidField } from "./error.ts";

/**
 * A file of a network's state: `theta` and `xi` [M, p], float32 or float64; optionally the factors of a learned embedding, AdamW's moments
 * and Grokfast's averages, as a snapshot has them, and `train`, the training pairs, as a mask [p, p] or as indices x p + y in increasing order. What grokbox exported has its spec and its step too.
 */
export interface SafetensorsFile {
  /** Its bytes; or a Blob, such as `openAsBlob` of `node:fs` makes of a path, which is read in pieces. */
  readonly safetensors: Uint8Array | Blob;
}

/** What announces the file. Reads all of it, for its SHA-256. */
export async function announce(file: Uint8Array | Blob): Promise<MessageInitShape<typeof FileInfoSchema>> {
  const hash = runtime.sha256();
  let totalBytes = 0;
  for await (const piece of piecesOf(file)) {
    hash.update(piece);
    totalBytes += piece.length;
  }
  return {
    format: FileFormat.SAFETENSORS,
    totalBytes: BigInt(totalBytes),
    sha256: hash.digest(),
  };
}

/** Its bytes in order, in as many pieces as they come in; each time anew. */
export function piecesOf(file: Uint8Array | Blob): Iterable<Uint8Array> | AsyncIterable<Uint8Array> {
  if (file instanceof Uint8Array) return [file];
  if (file instanceof Blob) return file.stream();
  throw invalidField("weights.safetensors", "must be a Uint8Array or a Blob");
}
