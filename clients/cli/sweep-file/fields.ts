import { UsageError } from "../usage-error.ts";
import { largestUint32, wholeNumberTo } from "../values.ts";

/** Where a value stands in a file: `sweep.yaml: base.optimizer`. */
export interface Place {
  readonly file: string;
  readonly path: string;
}

export function at({ file, path }: Place, key: string | number): Place {
  const step = typeof key === "number" ? `[${key}]` : path === "" ? key : `.${key}`;
  return { file, path: `${path}${step}` };
}

export function wrong({ file, path }: Place, must: string, got?: unknown): UsageError {
  const value = got === undefined ? "" : `; got ${JSON.stringify(got)}`;
  return new UsageError(`${file}: ${path === "" ? "it" : path} ${must}${value}`);
}

/** A mapping with none but these keys. */
export function fields<K extends string>(
  value: unknown,
  place: Place,
  known: readonly K[],
): Partial<Record<K, unknown>> {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw wrong(place, "must be a mapping", value);
  for (const key of Object.keys(value)) {
    if (known.includes(key as K)) continue;
    throw wrong(at(place, key), `is not known there; known are ${known.join(", ")}`);
  }
  return value as Partial<Record<K, unknown>>;
}

/** The value of a key, read by `read`; undefined where it is left out. */
export function optional<T>(
  value: unknown,
  place: Place,
  read: (value: unknown, place: Place) => T,
): T | undefined {
  return value === undefined || value === null ? undefined : read(value, place);
}

export function number(value: unknown, place: Place): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw wrong(place, "must be a number", value);
}

export const integer = (value: unknown, place: Place) => whole(value, place, Number.MAX_SAFE_INTEGER);

/** For a field of 32 bits. */
export const uint32 = (value: unknown, place: Place) => whole(value, place, largestUint32);

function whole(value: unknown, place: Place, largest: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= largest) return value;
  throw wrong(place, `must be ${wholeNumberTo(largest)}`, value);
}

export function text(value: unknown, place: Place): string {
  if (typeof value === "string") return value;
  throw wrong(place, "must be a text", value);
}

export function flag(value: unknown, place: Place): boolean {
  if (typeof value === "boolean") return value;
  throw wrong(place, "must be true or false", value);
}

/** A list, or one value in place of a list of one. */
export function list<T>(value: unknown, place: Place, read: (value: unknown, place: Place) => T): T[] {
  if (!Array.isArray(value)) return [read(value, place)];
  return value.map((item, i) => read(item, at(place, i)));
}
