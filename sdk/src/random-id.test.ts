import { expect, test } from "vitest";
import { randomId, uuidOf } from "./random-id.ts";

const version4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("ids are UUIDs of version 4, each another", () => {
  const ids = Array.from({ length: 1_000 }, randomId);
  for (const id of ids) expect(id).toMatch(version4);
  expect(new Set(ids).size).toBe(1_000);
});

test("so are those made of bytes, which stand in them in their order", () => {
  expect(uuidOf(new Uint8Array(16).fill(255))).toMatch(version4);
  expect(uuidOf(new Uint8Array(16))).toMatch(version4);
  expect(uuidOf(Uint8Array.from({ length: 16 }, (_, i) => 16 * i + i))).toBe(
    "00112233-4455-4677-8899-aabbccddeeff",
  );
});
