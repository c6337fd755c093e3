import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  SnapshotService,
  type UploadHeaderSchema,
  type UploadWeightsRequestSchema,
} from "@grokbox/proto/snapshot";
import type { Connection, PartOptions } from "./connection.ts";
import { defined } from "./defined.ts";
import { randomId } from "./random-id.ts";
import { announce, piecesOf, type SafetensorsFile } from "./safetensors-file.ts";
import { fromSpec, type Spec } from "./spec.ts";
import { bytesOf } from "./tensor.ts";
import { fromUint64, toUint64 } from "./uint64.ts";
import { arraysOf, manifestOf, type Weights } from "./weights.ts";

type Message = MessageInitShape<typeof UploadWeightsRequestSchema>;

const chunkBytes = 256 * 1024;

/** Weights that a server keeps for a session to start from; once. */
export interface Upload {
  /** uploads/{id} */
  readonly name: string;
  /** When it is forgotten unless used. */
  readonly expireTime?: Date;
  /** p */
  readonly modulus: number;
  /** M */
  readonly width: number;
  /** Updates that led to the weights. */
  readonly step: number;
  /** AdamW's moments came with them. */
  readonly hasMoments: boolean;
  /** Grokfast's averages came with them. */
  readonly hasAverages: boolean;
  /** d of the learned embedding whose factors came with them. */
  readonly embeddingDimension?: number;
  /** The training pairs came with them. */
  readonly hasSplit: boolean;
  /** The spec in the file's metadata. */
  readonly spec?: Spec;
}

/** Sends weights in chunks, with their SHA-256. */
export async function uploadWeights(
  connection: Connection,
  weights: Weights | SafetensorsFile,
  options: PartOptions,
): Promise<Upload> {
  const { header, pieces } = await partsOf(weights, randomId());
  const answer = await connection.upload(
    SnapshotService.method.uploadWeights,
    async function* (): AsyncIterable<Message> {
      yield { part: { case: "header", value: header } };
      yield* chunks(pieces());
    },
    options,
  );
  const { upload, expireTime, modulus, width, step, hasMoments, hasAverages, hasSplit, spec } = answer;
  return {
    name: upload,
    modulus,
    width,
    step: fromUint64(step),
    hasMoments,
    hasAverages,
    hasSplit,
    ...defined({
      embeddingDimension: answer.embeddingDimension,
      expireTime: expireTime && timestampDate(expireTime),
      spec: spec && fromSpec(spec),
    }),
  };
}

type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
type Header = MessageInitShape<typeof UploadHeaderSchema>;

/** What goes ahead of the bytes, and the bytes, each time anew. */
async function partsOf(
  weights: Weights | SafetensorsFile,
  requestId: string,
): Promise<{
  readonly header: Header;
  readonly pieces: () => Pieces;
}> {
  if ("safetensors" in weights) {
    const { safetensors } = weights;
    return { header: { requestId, file: await announce(safetensors) }, pieces: () => piecesOf(safetensors) };
  }
  const step = toUint64(weights.moments === undefined ? 0 : (weights.step ?? 0), "step");
  return {
    header: { requestId, manifest: manifestOf(weights), step },
    pieces: () => arraysOf(weights).map(({ tensor }) => bytesOf(tensor.data)),
  };
}

async function* chunks(pieces: Pieces): AsyncIterable<Message> {
  let offset = 0;
  for await (const piece of pieces) {
    for (let start = 0; start < piece.length; start += chunkBytes) {
      const data = piece.subarray(start, start + chunkBytes) as Uint8Array<ArrayBuffer>;
      yield { part: { case: "chunk", value: { offset: BigInt(offset), data } } };
      offset += data.length;
    }
  }
}
