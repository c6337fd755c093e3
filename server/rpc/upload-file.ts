import { createHash } from "node:crypto";
import {
  FileFormat,
  type UploadHeader,
  UploadHeaderSchema,
  type UploadWeightsRequest,
  UploadWeightsResponseSchema,
} from "@grokbox/proto/snapshot";
import { Checks } from "../messages/checks.ts";
import { SafetensorsReader } from "../sessions/files/safetensors-reader.ts";
import type { Registry } from "../sessions/registry.ts";
import type { Context } from "./call.ts";
import { once } from "./idempotency.ts";
import { maxUploadBytes } from "./server-service.ts";
import { checkDigest, checkProduct, receiveChunks, uploadMessage } from "./upload.ts";

/** All arrays of the largest network in float64, its training pairs as int64, and a header. */
const maxFileBytes = 2 * maxUploadBytes + 199 * 199 * 16 + 2 ** 20 + 8;

/** Receives a safetensors file, and refuses it at the first byte that is wrong. Nothing is kept unless all is right. */
export function receiveFile(
  registry: Registry,
  header: UploadHeader,
  iterator: AsyncIterator<UploadWeightsRequest>,
  context: Context,
) {
  const total = checkHeader(header);
  return once(registry, UploadHeaderSchema, UploadWeightsResponseSchema, header, context, async () => {
    registry.checkOpen();
    let reserved = 0;
    const reserve = (bytes: number) => {
      registry.memory.reserve(bytes, "the upload");
      reserved = bytes;
    };
    try {
      const reader = new SafetensorsReader({ maxBytes: total, reserve });
      const hash = createHash("sha256");
      for await (const data of receiveChunks(iterator, total, "the header's", context)) {
        hash.update(data);
        reader.push(data);
      }
      checkDigest(header.file!.sha256, hash.digest());
      const { modulus, width, state, train, spec } = reader.finish();
      await checkProduct(registry, state, modulus, "file.theta");
      return uploadMessage(
        registry.uploads.add({
          modulus,
          width,
          state,
          ...(train === undefined ? {} : { train }),
          ...(spec === undefined ? {} : { spec }),
        }),
      );
    } catch (error) {
      registry.memory.release(reserved);
      throw error;
    }
  });
}

/** The bytes of the file that is announced. */
function checkHeader(header: UploadHeader): number {
  const checks = new Checks();
  checks.requestId(header.requestId, "header.request_id");
  if (header.manifest !== undefined) checks.fail("header.manifest", "must be left out with file");
  if (header.step !== undefined)
    checks.fail("header.step", "must be left out with file, which says it itself");
  const { format, totalBytes, sha256 } = header.file!;
  if (format !== FileFormat.SAFETENSORS)
    checks.fail("header.file.format", "must be FILE_FORMAT_SAFETENSORS", format);
  if (sha256.length !== 32) checks.fail("header.file.sha256", "must be 32 bytes", sha256.length);
  const total = checks.integer("header.file.total_bytes", totalBytes, 1, maxFileBytes, 1);
  checks.throwIfAny();
  return total;
}
