import { expect, test } from "vitest";
import { dominantFrequencies, spectrum } from "../model/fourier.ts";
import { presets } from "../model/presets.ts";
import { arbitraryWeights } from "../model/testing/networks.ts";
import { neuronState } from "./dynamics.ts";

test("a neuron's state has all digits of its spectrum, at its dominant frequency or another", () => {
  const { spec } = presets.standard;
  const { modulus } = spec;
  const count = (modulus - 1) / 2;
  const [theta, xi] = [1, 2].map((seed) => Float32Array.from(arbitraryWeights(modulus * 5, seed)));
  const subject = { spec: { ...spec, width: 5 }, state: { step: 0, theta, xi }, train: new Uint8Array() };
  const [inner, outer] = [spectrum(theta, modulus), spectrum(xi, modulus)];
  for (const neuron of [0, 3]) {
    for (const frequency of [undefined, 4]) {
      const k = frequency ?? dominantFrequencies(inner)[neuron];
      const at = neuron * count + k - 1;
      expect(neuronState(subject, neuron, frequency)).toEqual({
        frequency: k,
        alpha: inner.magnitude[at],
        beta: outer.magnitude[at],
        phi: inner.phase[at],
        psi: outer.phase[at],
      });
    }
  }
});
