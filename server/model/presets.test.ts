import { expect, test } from "vitest";
import { completeSpec, defaultWidth, overlay, presets } from "./presets.ts";
import { specViolations } from "./spec-rules.ts";

test("the seven runs, each valid, frozen, p = 23, M = 512, seed 42", () => {
  expect(Object.keys(presets)).toEqual([
    "standard",
    "grokking",
    "quad_random",
    "quad_random_sgd",
    "relu_random_sgd",
    "quad_single_freq",
    "relu_single_freq",
  ]);
  for (const [name, preset] of Object.entries(presets)) {
    expect(preset.name).toBe(name);
    expect(specViolations(preset.spec)).toEqual([]);
    expect(preset.spec).toMatchObject({ modulus: 23, width: 512, seed: 42, schedule: { warmupSteps: 10 } });
    expect(Object.isFrozen(preset.spec.optimizer)).toBe(true);
  }
});

test("a run says how many steps the published one took", () => {
  expect(Object.values(presets).map(({ steps }) => steps)).toEqual([
    10_000, 50_000, 5_000, 10_000, 10_000, 10_000, 10_000,
  ]);
});

test("nothing given is the standard run", () => {
  expect(completeSpec({})).toEqual(presets.standard.spec);
  expect(completeSpec({}, "grokking")).toEqual(presets.grokking.spec);
});

test("an unknown preset is refused by name, inherited names too", () => {
  expect(() => completeSpec({}, "Grokking")).toThrow('unknown preset "Grokking"; known: standard, grokking');
  expect(() => completeSpec({}, "constructor")).toThrow(RangeError);
});

test("width follows a changed modulus: max(512, ceil(512/529 p^2))", () => {
  expect([3, 23, 31, 69, 97, 199].map(defaultWidth)).toEqual([512, 512, 931, 4608, 9107, 38329]);
  expect(completeSpec({ modulus: 97 }).width).toBe(9107);
  expect(completeSpec({ modulus: 97, width: 64 }).width).toBe(64);
  expect(completeSpec({ modulus: 23 }).width).toBe(512);
});

test("a wrong modulus makes no wrong width", () => {
  for (const modulus of [Number.NaN, Number.POSITIVE_INFINITY, -5, 1e9]) {
    expect(specViolations(completeSpec({ modulus })).map(({ field }) => field)).toEqual(["modulus"]);
  }
});

test("aliases of activations are resolved, unknown names kept to be reported", () => {
  expect(completeSpec({ activation: "quadratic" }).activation).toBe("x^2");
  expect(completeSpec({ activation: "x" }).activation).toBe("identity");
  expect(completeSpec({ activation: "foo" }).activation).toBe("foo");
});

test("fields left out of an optimizer come from the preset of the same kind, or from that kind's defaults", () => {
  expect(completeSpec({ optimizer: { learningRate: 1 } }, "grokking").optimizer).toEqual({
    ...presets.grokking.spec.optimizer,
    learningRate: 1,
  });
  expect(completeSpec({ optimizer: { kind: "sgd" } }, "grokking").optimizer).toEqual({
    kind: "sgd",
    learningRate: 0.1,
    weightDecay: 0,
  });
  expect(
    completeSpec({ optimizer: { kind: "adamw", weightDecay: 1 } }, "quad_single_freq").optimizer,
  ).toEqual({
    kind: "adamw",
    learningRate: 5e-5,
    weightDecay: 1,
    beta1: 0.9,
    beta2: 0.98,
    epsilon: 1e-8,
  });
});

test("so does the scale of an init", () => {
  expect(completeSpec({ init: {} }, "relu_single_freq").init).toEqual({
    kind: "single-frequency",
    scale: 0.002,
  });
  expect(completeSpec({ init: { kind: "random" } }, "relu_random_sgd").init).toEqual({
    kind: "random",
    scale: 0.01,
  });
  expect(completeSpec({ init: { kind: "random" } }, "relu_single_freq").init).toEqual({
    kind: "random",
    scale: 0.1,
  });
  expect(completeSpec({ init: { kind: "single-frequency" } }).init).toEqual({
    kind: "single-frequency",
    scale: 0.02,
  });
  expect(completeSpec({ init: { kind: "uploaded", scale: 3 } }).init).toEqual({ kind: "uploaded" });
});

test("a split keeps its fraction when its kind changes, and a list of pairs makes it explicit", () => {
  expect(completeSpec({ split: { kind: "torch" } }, "grokking").split).toEqual({
    kind: "torch",
    fraction: 0.75,
  });
  expect(completeSpec({ split: { fraction: 0.5 } }, "grokking").split).toEqual({
    kind: "python",
    fraction: 0.5,
  });
  expect(completeSpec({ split: { trainPairs: [1, 2] } }).split).toEqual({
    kind: "explicit",
    trainPairs: [1, 2],
  });
  expect(completeSpec({ split: { kind: "explicit" } }).split).toEqual({ kind: "explicit", trainPairs: [] });
});

test("an embedding and Grokfast have the published defaults, stay in overlays, and a lambda of 0 takes Grokfast out", () => {
  const spec = completeSpec({ embedding: {}, optimizer: { grokfast: {} } });
  expect(spec.embedding).toEqual({ dimension: 128 });
  expect(spec.optimizer.grokfast).toEqual({ alpha: 0.98, lambda: 2 });
  const changed = overlay(spec, { optimizer: { learningRate: 1, grokfast: { lambda: 5 } } });
  expect(changed.optimizer.grokfast).toEqual({ alpha: 0.98, lambda: 5 });
  expect(changed.embedding).toEqual({ dimension: 128 });
  const without = overlay(changed, { optimizer: { grokfast: { lambda: 0 } } });
  expect("grokfast" in without.optimizer).toBe(false);
  expect("grokfast" in overlay(changed, { optimizer: { kind: "sgd" } }).optimizer).toBe(false);
  expect("embedding" in completeSpec({})).toBe(false);
});
