import { expect } from "vitest";
import { GrokboxError } from "../../errors.ts";
import { type ReadOptions, type SafetensorsContent, SafetensorsReader } from "../safetensors-reader.ts";
import { cutAt } from "./state-files.ts";

/** Reads a file that comes in pieces, cut at these places. */
export function read(
  bytes: Uint8Array,
  options: ReadOptions = {},
  cuts: readonly number[] = [],
): SafetensorsContent {
  const reader = new SafetensorsReader(options);
  for (const chunk of cutAt(bytes, cuts)) reader.push(chunk);
  return reader.finish();
}

/** What the reader says, the same in one piece and byte by byte. */
export function refusal(bytes: Uint8Array, options: ReadOptions = {}): string {
  const attempt = (cuts: readonly number[]) => {
    try {
      read(bytes, options, cuts);
    } catch (error) {
      expect(error).toBeInstanceOf(GrokboxError);
      const { reason, violations, message } = error as GrokboxError;
      expect(reason).toBe("INVALID_FIELD");
      for (const { field } of violations) expect(field).toMatch(/^file(\.[\w.[\], ]+)?$/);
      expect(message).toMatch(/^[\x20-\x7e]+$/);
      expect(message.length).toBeLessThan(2_000);
      return message;
    }
    return "accepted";
  };
  const message = attempt([]);
  expect(attempt(Array.from({ length: Math.min(bytes.length, 3_000) }, (_, i) => i))).toBe(message);
  return message;
}
