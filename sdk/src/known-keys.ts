import { invalidField } from "./error.ts";

type KeyOf<T> = T extends unknown ? keyof T : never;

/** Every key of an options object, or of any of several kinds of it: of its type, so that none can be forgotten. */
export type Known<T> = Readonly<Record<KeyOf<T>, true>>;

/**
 * Throws INVALID_FIELD for what is no object, and for a key that is not known. Nobody checks the types of a script in JavaScript: what is
 * misspelt there would be left out, and another experiment made. A key whose value is undefined counts as left out.
 *
 * @param options - undefined where they are left out
 * @param field - where they are in the request; empty for the options of a call
 */
export function refuseUnknown<T extends object>(options: T | undefined, known: Known<T>, field = ""): void {
  if (options === undefined) return;
  const keys = Object.keys(known).join(", ");
  if (typeof options !== "object" || options === null || Array.isArray(options))
    throw invalidField(field || "options", `must be an object with some of ${keys}`, options);
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined || Object.hasOwn(known, key)) continue;
    throw invalidField(field === "" ? key : `${field}.${key}`, `is not known there; known are ${keys}`);
  }
}
