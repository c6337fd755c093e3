import { expect, test } from "vitest";
import { layerAgreement, neuronsPerFrequency } from "./frequency-groups.ts";

test("counts the neurons of every frequency, unused ones too", () => {
  expect([...neuronsPerFrequency(Uint8Array.of(2, 5, 2, 1), 11)]).toEqual([1, 2, 0, 0, 1]);
});

test("agreement is the share of neurons with one dominant frequency in both layers", () => {
  expect(layerAgreement(Uint8Array.of(2, 5, 2, 1), Uint8Array.of(2, 4, 2, 1))).toBe(0.75);
});

test("neurons without a frequency are counted nowhere", () => {
  expect([...neuronsPerFrequency(Uint8Array.of(0, 2, 0), 5)]).toEqual([0, 1]);
  expect(layerAgreement(Uint8Array.of(2, 0, 1, 2, 0), Uint8Array.of(2, 1, 0, 1, 0))).toBe(0.5);
  expect(layerAgreement(Uint8Array.of(0, 1), Uint8Array.of(0, 0))).toBe(0);
});
