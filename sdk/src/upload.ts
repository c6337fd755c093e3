import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { SnapshotService, type UploadWeightsRequestSchema } from "@grokbox/proto/snapshot";
import type { Connection, PartOptions } from "./connection.ts";
import { defined } from "./defined.ts";
import { bytesOf } from "./tensor.ts";
import { toUint64 } from "./uint64.ts";
import { arraysOf, manifestOf, type Weights } from "./weights.ts";

type Message = MessageInitShape<typeof UploadWeightsRequestSchema>;

const chunkBytes = 256 * 1024;

/** Weights that a server keeps for a session to start from; once. */
export interface Upload {
  /** uploads/{id} */
  readonly name: string;
  /** When it is forgotten unless used. */
  readonly expireTime?: Date;
}

/** Sends weights in chunks, with their SHA-256. */
export async function uploadWeights(
  connection: Connection,
  weights: Weights,
  options: PartOptions,
): Promise<Upload> {
  const requestId = crypto.randomUUID();
  const manifest = manifestOf(weights);
  const step = toUint64(weights.moments === undefined ? 0 : (weights.step ?? 0), "step");
  const { upload, expireTime } = await connection.upload(
    SnapshotService.method.uploadWeights,
    function* (): Iterable<Message> {
      yield { part: { case: "header", value: { requestId, manifest, step } } };
      yield* chunks(weights);
    },
    options,
  );
  return { name: upload, ...defined({ expireTime: expireTime && timestampDate(expireTime) }) };
}

function* chunks(weights: Weights): Iterable<Message> {
  let offset = 0;
  for (const { tensor } of arraysOf(weights)) {
    const bytes = bytesOf(tensor.data);
    for (let start = 0; start < bytes.length; start += chunkBytes) {
      const data = bytes.subarray(start, start + chunkBytes) as Uint8Array<ArrayBuffer>;
      yield { part: { case: "chunk", value: { offset: BigInt(offset), data } } };
      offset += data.length;
    }
  }
}
