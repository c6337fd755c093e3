import fc from "fast-check";
import { expect, test } from "vitest";
import { GrokboxError } from "../errors.ts";
import { type Json, parseBoundedJson } from "./bounded-json.ts";

function plain(value: Json): unknown {
  if (value instanceof Map) {
    const object = Object.create(null);
    for (const [key, item] of value) object[key] = plain(item);
    return object;
  }
  return Array.isArray(value) ? value.map(plain) : value;
}

function refusal(text: string): string {
  try {
    parseBoundedJson(text, "file.header");
  } catch (error) {
    expect(error).toBeInstanceOf(GrokboxError);
    return (error as GrokboxError).message;
  }
  return "accepted";
}

test("JSON that is shallow enough means what JSON.parse takes it for", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(undefined, 1, "\t"), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      expect(JSON.stringify(plain(parseBoundedJson(text, "x")))).toBe(JSON.stringify(JSON.parse(text)));
    }),
    { numRuns: 500 },
  );
});

test("any text is either refused as an error or JSON for JSON.parse as well", () => {
  const characters = fc.constantFrom(...'{}[]":,\\ \n019.eE+-truefalsnu\u0000é');
  fc.assert(
    fc.property(fc.string({ unit: characters, maxLength: 30 }), (text) => {
      if (refusal(text) === "accepted") expect(() => JSON.parse(text)).not.toThrow();
    }),
    { numRuns: 5_000 },
  );
});

test.each([
  ["a key that comes twice", '{"a": 1, "a": 2}', "must not have a key twice"],
  ["a key that comes twice, escaped differently", '{"a": 1, "\\u0061": 2}', "must not have a key twice"],
  ["nesting", "[[[[[]]]]]", "must be nested at most 4 deep"],
  ["nesting of a megabyte", "[".repeat(2 ** 20), "must be nested at most 4 deep"],
  ["too many values", `[${"0,".repeat(65_536)}0]`, "must be at most 65536 values"],
  ["too many objects", `[${"{},".repeat(2_048)}0]`, "must be at most 2048 arrays and objects"],
  ["more than one value", "{} {}", "must end after its value"],
  ["an end inside a string", '{"a', "must end every string"],
  ["an end after a backslash", '"\\', "must end every string"],
  ["a control character", '"\u0000"', "must have only valid strings"],
  ["an unknown escape", '"\\x41"', "must have only valid strings"],
  ["NaN", "[NaN]", "must have a value"],
  ["nothing", " ", "must have a value"],
  ["a trailing comma", "[1,]", "must have a value"],
  ["a missing comma", "[1 2]", 'must have "," or "]"'],
])("%s is refused", (_, text, reason) => {
  expect(refusal(text)).toContain(reason);
});

test("a number of a megabyte is a number", () => {
  expect(parseBoundedJson("1".repeat(2 ** 20), "x")).toBe(Number.POSITIVE_INFINITY);
});
