import { GrokboxError, invalidField, show } from "./error.ts";

/** A count as the protos carry it. Throws INVALID_FIELD for what is no integer from 0 to 2^53 - 1. */
export function toUint64(value: number, field: string): bigint {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw invalidField(field, "must be an integer, 0 to 2^53 - 1", show(value));
  }
  return BigInt(value);
}

export function toOptionalUint64(value: number | undefined, field: string): bigint | undefined {
  return value === undefined ? undefined : toUint64(value, field);
}

/** A count as scripts want it. Throws OUT_OF_RANGE above 2^53 - 1, where numbers skip integers. */
export function fromUint64(value: bigint): number {
  if (value > Number.MAX_SAFE_INTEGER) {
    throw new GrokboxError(`${value} is more than a number counts exactly`, { code: "OUT_OF_RANGE" });
  }
  return Number(value);
}

export function fromOptionalUint64(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : fromUint64(value);
}
