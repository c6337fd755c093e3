import { expect, test } from "vitest";
import { integer, label, number, range, seconds, steps, uint32, uint32s } from "./values.ts";

test("whole numbers may be grouped", () => {
  expect(["0", "20000", "20_000", "20,000"].map(integer)).toEqual([0, 20_000, 20_000, 20_000]);
  for (const text of ["", "-1", "1.5", "many", "1e400"]) expect(() => integer(text)).toThrow(/whole number/);
  expect(integer("9,007,199,254,740,991")).toBe(Number.MAX_SAFE_INTEGER);
  for (const text of ["9007199254740992", "18446744073709551615"]) {
    expect(() => integer(text)).toThrow(/0 to 9,007,199,254,740,991\.$/);
  }
});

test("what a field of 32 bits takes says so", () => {
  expect(["0", "4,294,967,295"].map(uint32)).toEqual([0, 2 ** 32 - 1]);
  for (const text of ["4294967296", "5000000000", "-1", "1.5"]) {
    expect(() => uint32(text)).toThrow(/a whole number, 0 to 4,294,967,295\.$/);
  }
  expect(uint32s("3", uint32s("1,2"))).toEqual([1, 2, 3]);
  expect(() => uint32s("1,5000000000")).toThrow(/0 to 4,294,967,295/);
});

test("numbers are finite, and seconds more than none", () => {
  expect(["1e-3", "-2"].map(number)).toEqual([1e-3, -2]);
  for (const text of ["", " ", "x", "NaN", "Infinity"]) expect(() => number(text)).toThrow(/number/);
  expect(() => seconds("0")).toThrow(/more than 0/);
});

test("steps and labels add up over repeated options", () => {
  expect(steps("10", steps("2200,10000"))).toEqual([2_200, 10_000, 10]);
  expect(label("b=x=y", label("a=1"))).toEqual({ a: "1", b: "x=y" });
  for (const text of ["a", "=1"]) expect(() => label(text)).toThrow(/KEY=VALUE/);
});

test("a range is how many, or from where to where", () => {
  expect(range("8")).toEqual({ first: 0, count: 8 });
  expect(range("100:120")).toEqual({ first: 100, count: 20 });
  for (const text of ["4294967296", "5000000000:5000000001"])
    expect(() => range(text)).toThrow(/FIRST:END such as 100:120, up to 4,294,967,295\.$/);
  for (const text of ["0", "5:5", "7:3", "a:b", ":"]) expect(() => range(text)).toThrow(/FIRST:END/);
});
