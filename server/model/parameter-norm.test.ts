import { expect, test } from "vitest";
import { parameterNorm } from "./parameter-norm.ts";

test("is the length of both layers as one vector", () => {
  expect(parameterNorm(Float32Array.of(2, 4), Float64Array.of(-5, 6))).toBe(9);
});
