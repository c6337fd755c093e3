import { GrokboxError } from "../../errors.ts";
import { readSafetensors } from "../safetensors-reader.ts";
import { rawFile, safetensorsOf, weights } from "./raw-safetensors.ts";

// A program that offers hostile uploads of 300 MB, one after another, and prints what became of each, as JSON.

/** How an upload was refused. */
export interface Refusal {
  readonly name: string;
  readonly message: string;
  /** Taken from the upload before that. */
  readonly acceptedBytes: number;
  /** Of this process's peak of resident memory, since before the first upload. */
  readonly growthBytes: number;
}

export const uploadBytes = 300e6;
const chunkBytes = 2 ** 20;
const shape = [65_536, 199];
const layerBytes = 65_536 * 199 * 4;
/** Of a whole state. */
export const arraysBytes = 6 * layerBytes;
const names = ["theta", "xi", "theta_first", "theta_second", "xi_first", "xi_second"];

/** The header of a state of 313 MB, with some entries changed. */
function largeHeader(
  changes: Readonly<Record<string, object>> = {},
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries = names.map((name, i) => {
    const offsets = [i * layerBytes, (i + 1) * layerBytes];
    return [name, { dtype: "F32", shape, data_offsets: offsets, ...changes[name] }];
  });
  return rawFile(JSON.stringify({ ...changes, __metadata__: metadata, ...Object.fromEntries(entries) }));
}

function filledTo(size: number, begin: string, item: string, end: string): string {
  return begin + item.repeat(Math.floor((size - begin.length - end.length) / item.length)) + end;
}

const headerBytes = 2 ** 20;
const spec = (text: string) => ({ format: "grokbox", version: "1", step: "1", spec: text });

/** First bytes and the byte that everything after them is. */
export const hostileUploads: readonly (readonly [
  name: string,
  begin: Uint8Array,
  fill: number,
  bytes?: number,
])[] = [
  ["header of 300 MB", new Uint8Array(new BigUint64Array([BigInt(uploadBytes)]).buffer), 0x20],
  ["header of open brackets", rawFile(filledTo(headerBytes, '{"a":', "[", "")), 0],
  ["header of empty objects", rawFile(filledTo(headerBytes, '{"a":[', "{},", "0]}")), 0],
  ["header of empty arrays", rawFile(filledTo(headerBytes, '{"a":[', "[],", "0]}")), 0],
  ["header of numbers", rawFile(filledTo(headerBytes, '{"a":[', "1,", "0]}")), 0],
  ["header of fractions", rawFile(filledTo(headerBytes, '{"a":[', "1.25,", "0]}")), 0],
  ["header of short strings", rawFile(filledTo(headerBytes, '{"a":[', '"\\\\",', "0]}")), 0],
  ["header of one long string", rawFile(filledTo(headerBytes / 2, '{"', "\u00e9", '":0}')), 0],
  ["spec of empty objects", largeHeader({}, spec(filledTo(900_000, "[", "{},", "0]"))), 0],
  ["wrong dtype", largeHeader({ xi_second: { dtype: "F16" } }), 0],
  ["wrong shape", largeHeader({ xi_second: { shape: [199, 65_536] } }), 0],
  ["overlapping offsets", largeHeader({ xi_second: { data_offsets: [0, layerBytes] } }), 0],
  ["path-like name", largeHeader({ "../xi": { dtype: "F32" } }), 0],
  ["a tensor too many", rawFile(JSON.stringify({ unembedding: { dtype: "F32" } })), 0],
  ["NaN-filled", largeHeader(), 0xff],
  ["300 MB after a small state", safetensorsOf(weights()), 0],
  ["truncated after 8 MB of 313", largeHeader(), 0, 8e6],
];

async function offer(begin: Uint8Array, fill: number, bytes = uploadBytes) {
  let acceptedBytes = 0;
  const chunk = new Uint8Array(chunkBytes).fill(fill);
  async function* chunks() {
    yield begin;
    acceptedBytes += begin.length;
    while (acceptedBytes < bytes) {
      yield chunk;
      acceptedBytes += chunkBytes;
    }
  }
  try {
    await readSafetensors(chunks());
  } catch (error) {
    if (error instanceof GrokboxError) return { message: error.message, acceptedBytes };
    throw error;
  }
  return { message: "accepted", acceptedBytes };
}

if (import.meta.main) {
  await readSafetensors([safetensorsOf(weights())]);
  const peakBytes = () => process.resourceUsage().maxRSS * 1024;
  const before = peakBytes();
  const refusals: Refusal[] = [];
  const last = ["313 MB and one byte more", largeHeader(), 0, arraysBytes + 1] as const;
  for (const [name, begin, fill, bytes] of [...hostileUploads, last]) {
    refusals.push({ name, ...(await offer(begin, fill, bytes)), growthBytes: peakBytes() - before });
  }
  console.log(JSON.stringify(refusals));
}
