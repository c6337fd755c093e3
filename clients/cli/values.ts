import { InvalidArgumentError } from "commander";

/** Parsers of what follows an option. They take what looks like a number; which numbers are allowed is the server's to say. */

/** Up to what a number holds exactly, 2^53 - 1. */
export function integer(text: string): number {
  const value = Number(text.replaceAll(/(?<=\d)[_,](?=\d{3})/g, ""));
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError("It must be a whole number, 0 to 9,007,199,254,740,991.");
  }
  return value;
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

/** key=value; the option may be repeated. */
export function label(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("It must be KEY=VALUE.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** FIRST:END, END not included, or how many from the first on. */
export function range(text: string): { first: number; count: number } {
  const [, first = "0", end] = /^(?:(\d+):)?(\d+)$/.exec(text) ?? [];
  const count = Number(end) - Number(first);
  if (end === undefined || count < 1) {
    throw new InvalidArgumentError("It must be how many, or FIRST:END such as 100:120.");
  }
  return { first: Number(first), count };
}
