import { expect, test } from "vitest";
import { completeSpec } from "../model/presets.ts";
import type { SpecInput } from "../model/spec-input.ts";
import { StepTimes } from "./step-times.ts";

const spec = (input: SpecInput) => completeSpec(input, "grokking");

test("networks that differ in nothing that a step's duration depends on share what was learnt of it", () => {
  const times = new StepTimes();
  const known = times.of("cpu", spec({ seed: 1 }));
  known.alone = 3;
  expect(times.of("cpu", spec({ seed: 2, optimizer: { kind: "adamw", weightDecay: 0 } }))).toBe(known);
  for (const other of [{ modulus: 11 }, { width: 64 }, { activation: "gelu" }] as const)
    expect(times.of("cpu", spec(other))).toEqual({});
  expect(times.of("cpu", spec({ optimizer: { kind: "sgd" } }))).toEqual({});
  expect(times.of("webgpu", spec({}))).toEqual({});
});

test("of very many shapes those that were asked for last are remembered", () => {
  const times = new StepTimes();
  const shape = (width: number) => times.of("cpu", spec({ width }));
  for (const width of [8, 9]) shape(width).alone = width;
  for (let width = 10; width < 1_008; width++) shape(width);
  expect(shape(8)).toEqual({ alone: 8 });
  shape(2_000);
  expect(shape(8)).toEqual({ alone: 8 });
  expect(shape(9)).toEqual({});
});
