import type { Spectrum } from "@grokbox/sdk";
import { expect, test } from "vitest";
import { FigureError } from "./figure-error.ts";
import { presentWaves } from "./waves.ts";

/** Of three neurons, K = 2, magnitudes and phases telling row and frequency. */
function spectrumOf(...frequencies: number[]): Spectrum {
  const tensor = (data: Float32Array, ...shape: number[]) => ({ data, shape });
  const layer = {
    magnitude: tensor(Float32Array.of(11, 12, 21, 22, 31, 32), 3, 2),
    phase: tensor(Float32Array.of(11, 12, 21, 22, 31, 32), 3, 2),
  };
  return {
    step: 7,
    neurons: [4, 5, 6],
    theta: layer,
    xi: layer,
    dominantFrequency: { data: Uint32Array.from(frequencies), shape: [3] },
    misalignment: tensor(Float32Array.of(1, 2, 3), 3),
  } as unknown as Spectrum;
}

test("neurons without a frequency are no waves, and a network of them is no figure", () => {
  const present = presentWaves(spectrumOf(2, 0, 1)).map(({ neuron, alpha }) => [neuron, alpha]);
  expect(present).toEqual([
    [4, 12],
    [6, 31],
  ]);
  expect(() => presentWaves(spectrumOf(0, 0, 0))).toThrow(FigureError);
});
