import { expect, test } from "vitest";
import { age, count, duration, measure, percent, setting, short, size } from "./numbers.ts";

test("what is absent is a dash, and never a zero", () => {
  expect([count(undefined), measure(undefined), percent(undefined)]).toEqual(["-", "-", "-"]);
  expect([count(0), measure(0), percent(0)]).toEqual(["0", "0", "0%"]);
});

test("a share is 100% only when it is all", () => {
  expect([1, 0.99999, 0.9774, 1e-9].map(percent)).toEqual(["100%", "99.99%", "97.74%", "0.01%"]);
});

test("numbers have the digits that people need", () => {
  expect([12_300, 1e6].map(count)).toEqual(["12,300", "1,000,000"]);
  expect([3.1352, 0.0123, 1.2e-6, 48_820].map(measure)).toEqual(["3.135", "0.01230", "1.20e-6", "4.88e+4"]);
  expect([7.25, 840, 8_412, 250_000].map(short)).toEqual(["7.3", "840", "8.4k", "250k"]);
  expect([5e-5, 0.1, 2, 0].map(setting)).toEqual(["5e-5", "0.1", "2", "0"]);
});

test("durations have two units at most", () => {
  expect([0.08, 2.4, 42, 200, 7_500, 273_600].map(duration)).toEqual([
    ...["80 ms", "2.4 s", "42 s", "3 min 20 s", "2 h 5 min", "3 d 4 h"],
  ]);
});

test("sizes have three digits, ages one unit", () => {
  expect([0, 999, 1_000, 48_234, 3_141_592, 300e6, 2.5e12, 5e15].map(size)).toEqual([
    ...["0 B", "999 B", "1.0 kB", "48.2 kB", "3.1 MB", "300 MB", "2.5 TB", "5000 TB"],
  ]);
  const ago = (seconds: number) => age(new Date(Date.now() - 1_000 * seconds));
  expect([12, 200, 7_500, 273_600].map(ago)).toEqual(["12 s", "3 min", "2 h", "3 d"]);
  expect(age(undefined)).toBe("");
});
