import { expect, it } from "vitest";
import { measureTensorflow } from "./tensorflow.ts";

it("holds the tensorflow engine against the cpu engine", async () => {
  const speed = await measureTensorflow("wasm", { p: 5, width: 16 }, { rounds: 2, milliseconds: 4 });
  expect(speed).toMatchObject({ backend: "wasm", p: 5, width: 16 });
  expect(speed.cost.least).toBeGreaterThan(0);
  expect(speed.cost.most).toBeGreaterThanOrEqual(speed.cost.median);
});
