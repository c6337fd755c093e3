import { expect, test } from "vitest";
import { plain } from "./output.ts";
import { line } from "./training-bar.ts";

const point = {
  kind: "point",
  sequence: 1,
  step: 12_300,
  trainLoss: 0.012_34,
  testLoss: 1,
  trainAccuracy: 1,
  testAccuracy: 0.9774,
  accuracy: {},
  parameterNorm: 1,
  gradientNorm: 1,
  stage: "generalization",
} as const;
const progress = { step: 12_300, from: 0, until: 20_000, rate: 8_412, point };

test("the line says all where there is room, and fits where there is little", () => {
  expect(line(progress, 120, plain)).toMatch(
    /^ 61% {2}━+─+ {2}12,300\/20,000 {2}8\.4k\/s {2}915 ms left {2}loss 0\.01234 {2}test 97\.74% {2}generalization$/,
  );
  for (const width of [30, 40, 60, 80, 100, 120]) {
    expect(line(progress, width, plain).length).toBeLessThan(width);
  }
  expect(line(progress, 80, plain)).toMatch(/8\.4k\/s {2}915 ms left {2}loss 0\.01234 {2}test 97\.74%$/);
});

test("a run without an end has neither a bar nor a share", () => {
  expect(line({ ...progress, until: undefined }, 100, plain)).toBe(
    "step 12,300  8.4k/s  loss 0.01234  test 97.74%  generalization",
  );
});

test("before anything is known it says where it begins", () => {
  expect(line({ step: 0, from: 0, until: 100, rate: 0, point: undefined }, 80, plain)).toMatch(
    /^ {2}0% {2}─+ {2}0\/100$/,
  );
});
