import { expect, test } from "vitest";
import { parseHostAndPort } from "./address.ts";

test.each([
  ["localhost:50051", "localhost:50051"],
  ["localhost", "localhost:50051"],
  ["box-1.lab.example:80", "box-1.lab.example:80"],
  ["127.0.0.1:0080", "127.0.0.1:80"],
  ["[::1]:50051", "[::1]:50051"],
  ["[::1]", "[::1]:50051"],
])("%s is %s", (address, target) => {
  expect(parseHostAndPort(address)).toBe(target);
});

test.each(["", "http://localhost:50051", "localhost:0", "localhost:65536", "localhost:port", "::1", "a b"])(
  "%j is no address",
  (address) => {
    expect(() => parseHostAndPort(address)).toThrow(/host:port/);
  },
);
