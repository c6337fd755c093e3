import { expect, test } from "vitest";
import { completeSpec } from "../model/presets.ts";
import type { SpecInput } from "../model/spec-input.ts";
import { StepTime, StepTimes } from "./step-times.ts";

const spec = (input: SpecInput) => completeSpec(input, "grokking");
const cpu = { name: "cpu", parts: 2 };
const gpu = { name: "webgpu", parts: 1 };

test("networks that differ in nothing that a step's duration depends on share what was learnt of it", () => {
  const times = new StepTimes();
  const known = times.of(cpu, spec({ seed: 1 }));
  known.timed(3, 1);
  expect(times.of(cpu, spec({ seed: 2, optimizer: { kind: "adamw", weightDecay: 0 } }))).toBe(known);
  for (const other of [{ modulus: 11 }, { width: 64 }, { activation: "gelu" }] as const)
    expect(times.of(cpu, spec(other)).expectedMs(1)).toBe(0);
  expect(times.of(cpu, spec({ optimizer: { kind: "sgd" } })).expectedMs(1)).toBe(0);
  expect(times.of(gpu, spec({})).expectedMs(1)).toBe(0);
});

test("of very many shapes those that were asked for last are remembered", () => {
  const times = new StepTimes();
  const shape = (width: number) => times.of(cpu, spec({ width }));
  for (const width of [8, 9]) shape(width).timed(width, 1);
  for (let width = 10; width < 1_008; width++) shape(width);
  expect(shape(8).expectedMs(1)).toBe(8);
  shape(2_000);
  expect(shape(8).expectedMs(1)).toBe(8);
  expect(shape(9).expectedMs(1)).toBe(0);
});

test("until an update was timed a slice is one, and none is expected to be short enough to share", () => {
  const time = new StepTime(4);
  expect([time.stepsIn(1_000, 1), time.stepsIn(1_000, 4), time.sharedMs]).toEqual([1, 1, Infinity]);
});

test("updates on a part of the device are timed apart, and guessed from those with all of it until then", () => {
  const time = new StepTime(4);
  time.timed(1, 1);
  expect([time.stepsIn(12, 1), time.stepsIn(12, 4), time.sharedMs]).toEqual([12, 3, 2]);
  time.timed(3, 4);
  expect([time.stepsIn(12, 1), time.stepsIn(12, 4), time.sharedMs]).toEqual([12, 4, 3]);
  time.timed(5, 4);
  expect(time.sharedMs).toBeCloseTo(3.4);
  expect(time.expectedMs(10)).toBe(10);
});

test("a bad moment on a part is forgotten with the next update on the whole device", () => {
  const time = new StepTimes().of({ name: "cpu", parts: 4 }, spec({}));
  time.timed(1, 1);
  time.timed(100, 4);
  time.timed(1, 1);
  expect(time.sharedMs).toBe(4);
});
