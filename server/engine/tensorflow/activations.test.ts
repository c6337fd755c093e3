import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { activate, derivative } from "../../model/activation.ts";
import { activations } from "../../model/spec.ts";
import { tensorActivation } from "./activations.ts";
import { type LoadedBackend, loadBackend } from "./backend.ts";

/** From -8 to 8. */
const inputs = Float32Array.from({ length: 2001 }, (_, i) => (i - 1000) / 125);

describe.each(["cpu", "wasm"] as const)("activations on the %s backend", (backend) => {
  let loaded: LoadedBackend;
  beforeAll(async () => {
    loaded = await loadBackend(backend);
  });
  afterAll(() => loaded.tf.removeBackend(backend));

  it.each(activations)("%s and its derivative are those of the model to 4e-6 of their size", (name) => {
    const { tf } = loaded;
    const [values, slopes] = tf.tidy(() => {
      const z = tf.tensor1d(inputs);
      const activation = tensorActivation(tf, name);
      const value = activation.value(z);
      return [value, activation.derivative(z, value)].map((t) => t.dataSync() as Float32Array);
    });
    for (const [i, z] of inputs.entries()) {
      expectClose(values[i], activate(name, z), name, z);
      expectClose(slopes[i], derivative(name, z), name, z);
    }
  });
});

/** gelu's slope passes through 0, where nothing is close to it in proportion. */
function expectClose(actual: number, expected: number, name: string, z: number): void {
  const size = Math.abs(expected) + (name === "gelu" && Math.abs(z + 0.75) < 0.1 ? 0.1 : 0);
  expect(Math.abs(actual - expected), `${name} at ${z}`).toBeLessThanOrEqual(4e-6 * size);
}
