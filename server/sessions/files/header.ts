import { type GrokboxError, invalid } from "../errors.ts";
import { type Json, parseBoundedJson } from "./bounded-json.ts";
import { quoted } from "./quoted.ts";

/** What a header says of a tensor. Offsets are in bytes from the beginning of the data, exact integers, not yet compared with anything. */
export interface TensorInfo {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Header<Name extends string> {
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<Name, TensorInfo>;
}

/**
 * Reads the JSON header of a safetensors file (https://github.com/huggingface/safetensors#format).
 *
 * @param bytes - without the length before it
 * @param names - the tensors that a file may have
 * @param known - the same for people, short enough for a message
 * @throws GrokboxError INVALID_FIELD
 */
export function parseHeader<Name extends string>(
  bytes: Uint8Array,
  names: readonly Name[],
  known: string,
): Header<Name> {
  const entries = parseBoundedJson(decode(bytes), "file.header");
  if (!(entries instanceof Map)) throw wrong("file.header", "must be a JSON object");
  const tensors = new Map<Name, TensorInfo>();
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, value] of entries as ReadonlyMap<string, Json>) {
    if (name === "__metadata__") metadata = parseStrings(value);
    else if (isOneOf(names, name)) tensors.set(name, parseTensor(name, value));
    else throw wrong("file", `must hold no tensors but ${known}; got ${quoted(name)}`);
  }
  return { metadata, tensors };
}

function isOneOf<Name extends string>(names: readonly Name[], name: string): name is Name {
  return (names as readonly string[]).includes(name);
}

function decode(bytes: Uint8Array): string {
  if (bytes[0] !== "{".charCodeAt(0)) throw wrong("file.header", 'must begin with "{"');
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw wrong("file.header", "must be UTF-8");
  }
}

function parseStrings(value: Json): ReadonlyMap<string, string> {
  const isStrings = value instanceof Map && [...value.values()].every((text) => typeof text === "string");
  if (!isStrings) throw wrong("file.__metadata__", "must be an object of strings");
  return value as ReadonlyMap<string, string>;
}

function parseTensor(name: string, value: Json): TensorInfo {
  const field = `file.${name}`;
  const keys = ["dtype", "shape", "data_offsets"];
  if (!(value instanceof Map) || value.size !== keys.length || !keys.every((key) => value.has(key))) {
    throw wrong(field, `must be an object of ${keys.join(", ")} and nothing else`);
  }
  const [dtype, shape, offsets] = keys.map((key) => value.get(key) as Json);
  if (typeof dtype !== "string") throw wrong(`${field}.dtype`, "must be a string");
  if (!isExactIntegers(shape) || shape.length > 8) {
    throw wrong(`${field}.shape`, "must be an array of at most 8 integers, 0 to 2^53 - 1");
  }
  if (!isExactIntegers(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw wrong(`${field}.data_offsets`, "must be [begin, end], integers with 0 <= begin <= end <= 2^53 - 1");
  }
  return { dtype, shape, begin: offsets[0]!, end: offsets[1]! };
}

function isExactIntegers(value: Json | undefined): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function wrong(field: string, description: string): GrokboxError {
  return invalid([{ field, description }]);
}
