import fc from "fast-check";
import { expect, test } from "vitest";
import { activate, derivative, parseActivation } from "./activation.ts";
import { activations } from "./spec.ts";

test("every name parses to itself, aliases to what they stand for, anything else to nothing", () => {
  for (const name of activations) expect(parseActivation(name)).toBe(name);
  expect(parseActivation("quadratic")).toBe("x^2");
  expect(parseActivation("x")).toBe("identity");
  for (const name of ["foo", "", "ReLU", "toString", "__proto__"])
    expect(parseActivation(name)).toBeUndefined();
});

test.each([
  ["relu", -2, 0, 0],
  ["relu", 2, 2, 1],
  ["gelu", -1, -0.15865525393145707, -0.08331547058768628],
  ["gelu", 2, 1.9544997361036416, 1.085231801078197],
  ["x^2", -3, 9, -6],
  ["identity", -3, -3, 1],
  ["abs", -3, 3, -1],
  ["x^3", -2, -8, 12],
  ["x^4", -2, 16, -32],
  ["x^8", -2, 256, -1024],
  ["softplus2", 0.5, 1.3132616875182228, 1.4621171572600098],
  ["exp", 1, Math.E, Math.E],
] as const)("%s(%f) is %f, and its slope there %f", (name, z, value, slope) => {
  expect(activate(name, z)).toBeCloseTo(value, 14);
  expect(derivative(name, z)).toBeCloseTo(slope, 14);
});

test("at its kink, the slope of relu and abs is PyTorch's 0", () => {
  expect(derivative("relu", 0)).toBe(0);
  expect(derivative("abs", 0)).toBe(0);
});

test("softplus2 neither overflows nor underflows to the wrong limit", () => {
  expect(activate("softplus2", 800)).toBe(1600);
  expect(activate("softplus2", -400)).toBe(0);
  expect(activate("softplus2", -20)).toBeCloseTo(Math.exp(-40), 30);
  expect([derivative("softplus2", 800), derivative("softplus2", -800)]).toEqual([2, 0]);
});

test("gelu keeps its digits in the left tail", () => {
  expect(activate("gelu", -10) / -7.619853024160593e-23).toBeCloseTo(1, 12);
});

test.each(activations)("the derivative of %s is the limit of its difference quotients", (name) => {
  const h = 1e-5;
  const awayFromKink = fc.double({ min: 0.01, max: 3, noNaN: true });
  fc.assert(
    fc.property(awayFromKink, fc.constantFrom(-1, 1), (size, sign) => {
      const z = sign * size;
      const quotient = (activate(name, z + h) - activate(name, z - h)) / (2 * h);
      expect(Math.abs(derivative(name, z) - quotient)).toBeLessThan(1e-8 * (1 + size ** 8 * 100));
    }),
  );
});
