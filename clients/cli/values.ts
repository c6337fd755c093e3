import { InvalidArgumentError } from "commander";
import { count } from "./numbers.ts";

/** Parsers of what follows an option. They take what looks like a number; which numbers are allowed is the server's to say. */

/** What a field of 32 bits holds. */
export const largestUint32 = 2 ** 32 - 1;

/** Up to what a number holds exactly, 2^53 - 1. */
export const integer = (text: string) => whole(text, Number.MAX_SAFE_INTEGER);

/** For a field of 32 bits, as sizes, seeds and indices are. */
export const uint32 = (text: string) => whole(text, largestUint32);

/** @param what - it is, for errors */
export function whole(text: string, largest: number, what = "It"): number {
  const value = Number(text.replaceAll(/(?<=\d)[_,](?=\d{3})/g, ""));
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < 0 || value > largest) {
    throw new InvalidArgumentError(`${what} must be ${wholeNumberTo(largest)}.`);
  }
  return value;
}

export function wholeNumberTo(largest: number): string {
  return `a whole number, 0 to ${count(largest)}`;
}

export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
}

export function seconds(text: string): number {
  const value = number(text);
  if (value <= 0) throw new InvalidArgumentError("It must be more than 0 seconds.");
  return value;
}

/** Steps with commas between them; the option may be repeated. */
export function steps(text: string, before: readonly number[] = []): number[] {
  return [...before, ...text.split(",").map(integer)];
}

/** Such as neurons, with commas between them; the option may be repeated. */
export function uint32s(text: string, before: readonly number[] = []): number[] {
  return [...before, ...text.split(",").map(uint32)];
}

/** key=value; the option may be repeated. */
export function label(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("It must be KEY=VALUE.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** FIRST:END, END not included, or how many from the first on. */
export function range(text: string): { first: number; count: number } {
  const [, first = "0", end] = /^(?:(\d+):)?(\d+)$/.exec(text) ?? [];
  const size = Number(end) - Number(first);
  if (end === undefined || size < 1 || Number(end) > largestUint32) {
    throw new InvalidArgumentError(
      `It must be how many, or FIRST:END such as 100:120, up to ${count(largestUint32)}.`,
    );
  }
  return { first: Number(first), count: size };
}
