import fc from "fast-check";
import { expect, test } from "vitest";
import { longestTimerMs, shortenTimeout } from "./timeouts.ts";

const msOf = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 } as const;

test("what a timer can wait stays as it is, and what is longer becomes as long as that, within a second", () => {
  const timeout = fc.tuple(
    fc.oneof(
      fc.nat(99_999_999),
      fc.integer({ min: 500, max: 700 }),
      fc.integer({ min: 2_147_480, max: 2_147_490 }),
    ),
    fc.constantFrom(...(Object.keys(msOf) as (keyof typeof msOf)[])),
  );
  fc.assert(
    fc.property(timeout, fc.nat(9_999_999_999), ([amount, unit], connectMs) => {
      const asked = { "grpc-timeout": `${amount}${unit}`, "connect-timeout-ms": `${connectMs}` };
      const headers = { ...asked };
      shortenTimeout(headers);
      if (amount * msOf[unit] <= longestTimerMs) expect(headers["grpc-timeout"]).toBe(asked["grpc-timeout"]);
      else {
        const [, seconds] = /^(\d{1,8})S$/.exec(headers["grpc-timeout"])!;
        expect(longestTimerMs - Number(seconds) * 1_000).toBeGreaterThanOrEqual(0);
        expect(longestTimerMs - Number(seconds) * 1_000).toBeLessThan(1_000);
      }
      expect(headers["connect-timeout-ms"]).toBe(`${Math.min(connectMs, longestTimerMs)}`);
    }),
  );
});

test("what is no timeout stays as it is", () => {
  for (const text of ["", "12", "-3000000S", "3000000 S", "300000000S", "3000000s", "1e9"]) {
    const headers = { "grpc-timeout": text, accept: "*/*" };
    shortenTimeout(headers);
    expect(headers).toEqual({ "grpc-timeout": text, accept: "*/*" });
  }
  for (const text of ["", "99999999999", "-1", "9e9", "3000000000 "]) {
    const headers = { "connect-timeout-ms": text };
    shortenTimeout(headers);
    expect(headers).toEqual({ "connect-timeout-ms": text });
  }
  const none = {};
  shortenTimeout(none);
  expect(none).toEqual({});
});
