import { arrayShape, arrays, bytesOf } from "../snapshot.ts";
import { formatName, formatVersion } from "./metadata.ts";
import { type FileSegments, fileOf, type StateFile } from "./state-file.ts";

/** The header's JSON is padded with spaces so that the data begin at a multiple of this, bytes, as the library does. */
const alignment = 8;

/**
 * A snapshot as a safetensors file: its arrays, F32, each of its own shape, then `train`, BOOL [p, p]; step, spec and origin in the metadata. https://github.com/huggingface/safetensors#format
 */
export function safetensorsFile({
  step,
  spec,
  state,
  train,
  session,
  createTimeMs,
}: StateFile): FileSegments {
  const { modulus } = spec;
  const header: Record<string, unknown> = {
    __metadata__: {
      format: formatName,
      version: formatVersion,
      step: String(step),
      spec: JSON.stringify(spec),
      session,
      create_time: new Date(createTimeMs).toISOString(),
    },
  };
  const data: Uint8Array[] = [];
  let offset = 0;
  const add = (name: string, dtype: string, shape: readonly number[], bytes: Uint8Array) => {
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
    data.push(bytes);
  };
  for (const { name, data } of arrays(state)) add(name, "F32", arrayShape(name, spec), bytesOf(data));
  add("train", "BOOL", [modulus, modulus], train);
  return fileOf([encodeHeader(header), ...data]);
}

function encodeHeader(header: Readonly<Record<string, unknown>>): Uint8Array {
  const json = Buffer.from(JSON.stringify(header));
  const size = Math.ceil(json.length / alignment) * alignment;
  const bytes = Buffer.alloc(8 + size, " ");
  bytes.writeBigUInt64LE(BigInt(size));
  json.copy(bytes, 8);
  return bytes;
}
