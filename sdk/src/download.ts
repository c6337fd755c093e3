import { type DownloadSnapshotResponse, type SnapshotInfo, SnapshotService } from "@grokbox/proto/snapshot";
import { DataType, type Manifest } from "@grokbox/proto/tensor";
import { runtime } from "#runtime";
import type { Connection, PartOptions } from "./connection.ts";
import { badAnswer, GrokboxError } from "./error.ts";
import { toHex } from "./hex.ts";
import { fromSnapshot, type Snapshot } from "./snapshot.ts";
import { float32From, type Tensor } from "./tensor.ts";
import { fromUint64 } from "./uint64.ts";
import { type Weights, weightsFrom } from "./weights.ts";

/** A snapshot with its arrays. It can be uploaded as it is; without moments (SGD) the upload begins at step 0. */
export interface DownloadedSnapshot extends Snapshot, Omit<Weights, "step"> {}

/** As much as the largest state has: M = 65,536, p = 199, d = 512, with AdamW's moments and Grokfast's averages. */
const mostBytes = 4 * (5 * 65_536 * 199 + 4 * 512 * (65_536 + 199));

/**
 * Fetches a snapshot in chunks and checks its SHA-256; starts over when the connection breaks.
 *
 * @throws CHECKSUM_MISMATCH when the bytes are not those announced
 */
export function downloadSnapshot(
  connection: Connection,
  name: string,
  options: PartOptions,
): Promise<DownloadedSnapshot> {
  return connection.retrying((timeoutMs) => {
    const attempt = { timeoutMs, signal: options.signal };
    return receive(connection.stream(SnapshotService.method.downloadSnapshot, { name }, attempt));
  }, options);
}

async function receive(stream: AsyncIterable<DownloadSnapshotResponse>): Promise<DownloadedSnapshot> {
  let info: SnapshotInfo | undefined;
  let bytes = new Uint8Array(0);
  let received = 0;
  for await (const { part } of stream) {
    if (part.case === "snapshot") {
      info = part.value;
      bytes = new Uint8Array(announcedBytes(info));
    } else if (part.case === "chunk") {
      const { data } = part.value;
      if (part.value.offset !== BigInt(received) || received + data.length > bytes.length) {
        throw badAnswer(
          `a chunk of ${data.length} bytes came for ${part.value.offset} in place of ${received}`,
        );
      }
      bytes.set(data, received);
      received += data.length;
    }
  }
  if (info?.manifest === undefined) throw badAnswer("the server sent no snapshot");
  if (received < bytes.length) throw badAnswer(`${received} of ${bytes.length} bytes came`);
  checkDigest(info.manifest, bytes);
  const weights = weightsFrom(split(info.manifest, bytes));
  if (weights === undefined) throw badAnswer("the snapshot lacks theta or xi");
  return { ...fromSnapshot(info), ...weights };
}

function announcedBytes({ name, manifest }: SnapshotInfo): number {
  const total = fromUint64(manifest?.totalBytes ?? 0n);
  if (total <= mostBytes) return total;
  throw badAnswer(`${name} announces ${total} bytes, more than any network has`);
}

function checkDigest({ sha256 }: Manifest, bytes: Uint8Array): void {
  const expected = toHex(sha256);
  const hash = runtime.sha256();
  hash.update(bytes);
  const got = toHex(hash.digest());
  if (got === expected) return;
  throw new GrokboxError(`the bytes' SHA-256 is ${got}, the manifest's ${expected}`, {
    code: "DATA_LOSS",
    reason: "CHECKSUM_MISMATCH",
    metadata: { expected, got },
  });
}

function split({ tensors }: Manifest, bytes: Uint8Array): Map<string, Tensor> {
  const arrays = new Map<string, Tensor>();
  let offset = 0;
  for (const { name, dtype, shape } of tensors) {
    if (dtype !== DataType.FLOAT32) throw badAnswer(`${name} is of type ${dtype}`);
    const end = offset + shape.reduce((product, extent) => product * extent, 4);
    if (end > bytes.length) throw badAnswer(`${name} of shape [${shape}] is not all there`);
    arrays.set(name, { data: float32From(bytes.subarray(offset, end)), shape });
    offset = end;
  }
  return arrays;
}
