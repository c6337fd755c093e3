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

test("a neuron whose theta is constant has no dominant frequency, and must be asked for one", () => {
  const { spec } = presets.standard;
  const { modulus } = spec;
  const theta = new Float32Array(2 * modulus).fill(0.1);
  const xi = Float32Array.from(arbitraryWeights(2 * modulus));
  const subject = { spec: { ...spec, width: 2 }, state: { step: 0, theta, xi }, train: new Uint8Array() };
  expect(() => neuronState(subject, 1)).toThrow(
    "neuron.frequency: must be given: theta of neuron 1 is constant, so that it has no dominant frequency",
  );
  expect(neuronState(subject, 1, 4)).toMatchObject({ frequency: 4, alpha: 0 });
});
