import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drawSplit, initialState } from "./initial-state.ts";
import { completeSpec, presets } from "./presets.ts";
import type { SpecInput } from "./spec-input.ts";
import { digest } from "./testing/digest.ts";
import { hasPublishedRuns, publishedWeights } from "./testing/published.ts";
import { findPython, runPython } from "./testing/python.ts";
import { maxUlps } from "./testing/ulps.ts";

const python = findPython("torch", "numpy");

const cases: Record<string, SpecInput> = {
  "p = 3": { modulus: 3, width: 8, split: { fraction: 0.5 } },
  "p = 23, three quarters": { split: { fraction: 0.75 } },
  "p = 31, Python's split": { modulus: 31, split: { kind: "python", fraction: 0.75 }, seed: 7 },
  "p = 97": { modulus: 97, split: { fraction: 0.3 } },
  "a width that is no multiple of 16": {
    modulus: 15,
    width: 101,
    split: { fraction: 0.9 },
    seed: 2 ** 32 - 1,
  },
  "single frequencies": { init: { kind: "single-frequency" }, split: { fraction: 0.6 } },
  "fewer neurons than frequencies": { modulus: 45, width: 9, init: { kind: "single-frequency" }, seed: 0 },
};

const digests: Record<string, string[]> = {
  "p = 3": ["026998735136a40f", "0b3b627513b89104", "32bf1b32c6da0cac"],
  "p = 23, three quarters": ["13c88468cf1f5448", "3645fb002cf3dd05", "efc1f7c367b73cd0"],
  "p = 31, Python's split": ["14b82a2c9ba11fbe", "5e35dbdf91997a13", "4876f02461ae7a65"],
  "p = 97": ["34159f50017c4fac", "eade8d8bcf1db7ec", "4221f0b8eb22335a"],
  "a width that is no multiple of 16": ["039904d70a70d952", "dad924e62184a0bb", "16740655cdd07bbf"],
  "single frequencies": ["d7a1f46606ad46b2", "e13ce945eb099e1a", "b42d11bda4f66384"],
  "fewer neurons than frequencies": ["d4efb6ddc0292432", "1afd0d93f932f52b", "b17c758c86b1fbe5"],
};

test.each(Object.keys(cases))("draws the bytes checked against the published code: %s", (name) => {
  const { theta, xi, train } = initialState(completeSpec(cases[name]));
  expect([digest(theta), digest(xi), digest(train)]).toEqual(digests[name]);
});

describe.skipIf(!hasPublishedRuns)("published weights at step 0", () => {
  test.each(["standard", "grokking"])("%s is drawn within 8 units in the last place", (run) => {
    const published = publishedWeights(run, "step-0");
    const drawn = initialState(presets[run].spec);
    expect(maxUlps(drawn.theta, published.theta)).toBeLessThanOrEqual(8);
    expect(maxUlps(drawn.xi, published.xi)).toBeLessThanOrEqual(8);
  });

  // A cosine near its zero is a difference of two large terms, so what is small against the scale may be many units there.
  test.each([
    ["quad_single_freq", 2 ** -29],
    ["relu_single_freq", 2 ** -32],
  ])("%s is drawn within 8 units in the last place of its scale", (run, unitOfScale) => {
    const published = publishedWeights(run, "step-0");
    const drawn = initialState(presets[run].spec);
    for (const layer of ["theta", "xi"] as const) {
      expect(maxDistance(drawn[layer], published[layer])).toBeLessThanOrEqual(8 * unitOfScale);
    }
  });
});

function maxDistance(actual: Float32Array, expected: Float32Array): number {
  return actual.reduce((max, value, i) => Math.max(max, Math.abs(value - expected[i])), 0);
}

test("the worked numbers of the standard run: first weights and parameter norm", () => {
  const { theta, xi } = initialState(presets.standard.spec);
  expect([...theta.subarray(0, 3)].map((w) => w.toFixed(4))).toEqual(["0.0402", "0.0310", "0.0188"]);
  const squares = [...theta, ...xi].reduce((sum, w) => sum + w * w, 0);
  expect(Math.sqrt(squares)).toBeCloseTo(3.209197, 6);
});

const peer = `
import json, sys, numpy as np, torch
for spec in json.load(sys.stdin):
    p, M, seed, scale = spec["modulus"], spec["width"], spec["seed"], spec["init"]["scale"]
    K = (p - 1) // 2
    torch.manual_seed(seed)
    if spec["init"]["kind"] == "random":
        theta = scale / np.sqrt(p) * torch.randn(M, p)
        xi = (scale / np.sqrt(p) * torch.randn(p, M)).T
    else:
        random = np.random.RandomState(seed)
        deck = np.arange(1, K + 1)
        random.shuffle(deck)
        frequencies = np.tile(deck, M // K + 1)[:M]
        random.shuffle(frequencies)
        def layer():
            rows = []
            for k in frequencies.tolist():
                phase = torch.randn(2)
                phase = scale * np.sqrt(p / 2) * (phase / phase.norm())
                angles = 2 * torch.pi * torch.arange(p) * k / p
                waves = torch.cos(angles), torch.sin(angles)
                rows.append(phase[0] * waves[0] / waves[0].norm() + phase[1] * waves[1] / waves[1].norm())
            return torch.stack(rows)
        theta, xi = layer(), layer()
    order = torch.randperm(p * p)
    train = torch.zeros(p * p)
    train[order[: int(spec["split"]["fraction"] * p * p)]] = 1
    for values in theta, xi, train:
        sys.stdout.buffer.write(values.contiguous().numpy().tobytes())
`;

test.skipIf(python === undefined)("weights and torch split are what PyTorch and NumPy draw", () => {
  const drawn = Object.values(cases)
    .map((input) => completeSpec(input))
    .filter((spec) => spec.split.kind === "torch");
  const expected = new Float32Array(runPython(python!, peer, drawn).buffer);
  let offset = 0;
  const next = (length: number) => {
    offset += length;
    return expected.subarray(offset - length, offset);
  };
  for (const spec of drawn) {
    const { theta, xi, train } = initialState(spec);
    const scale = spec.init.kind === "uploaded" ? Number.NaN : spec.init.scale;
    for (const layer of [theta, xi]) {
      const wanted = next(layer.length);
      if (spec.init.kind === "random") expect(maxUlps(layer, wanted)).toBeLessThanOrEqual(8);
      else expect(maxDistance(layer, wanted)).toBeLessThan(scale * 2 ** -20);
    }
    expect(Float32Array.from(train)).toEqual(next(train.length));
  }
});

const specs = fc
  .record({
    modulus: fc.integer({ min: 1, max: 12 }).map((half) => 2 * half + 1),
    width: fc.integer({ min: 8, max: 70 }),
    init: fc.record({ kind: fc.constantFrom("random", "single-frequency") }),
    split: fc.record({ kind: fc.constantFrom("torch", "python"), fraction: fc.constantFrom(0.12, 0.5, 1) }),
    seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  })
  .map((input) => completeSpec(input));

test("the split can be drawn without the weights", () => {
  fc.assert(
    fc.property(specs, (spec) => {
      expect(drawSplit(spec)).toEqual(initialState(spec).train);
    }),
  );
});

test("uploaded weights get the split that a random init would have got", () => {
  fc.assert(
    fc.property(specs, (spec) => {
      const random = initialState({ ...spec, init: { kind: "random", scale: 1 } });
      expect(drawSplit({ ...spec, init: { kind: "uploaded" } })).toEqual(random.train);
    }),
  );
});

test("a split trains on floor(fraction p^2) pairs", () => {
  fc.assert(
    fc.property(specs, (spec) => {
      const { fraction } = spec.split as { fraction: number };
      const trained = drawSplit(spec).filter((flag) => flag === 1).length;
      expect(trained).toBe(Math.floor(fraction * spec.modulus ** 2));
    }),
  );
});

test("an explicit split trains on just the pairs listed", () => {
  const spec = completeSpec({ modulus: 3, split: { trainPairs: [0, 5, 7] } });
  expect([...drawSplit(spec)]).toEqual([1, 0, 0, 0, 0, 1, 0, 1, 0]);
  expect(initialState(spec).train).toEqual(drawSplit(spec));
});

test("single-frequency rows have one frequency, shared by both layers and used equally often", () => {
  const modulus = 11;
  const { theta, xi } = initialState(
    completeSpec({ modulus, width: 52, init: { kind: "single-frequency" } }),
  );
  const frequencyOf = (row: Float32Array) => {
    const energies = [1, 2, 3, 4, 5].map((k) => {
      const angle = (2 * Math.PI * k) / modulus;
      const c = row.reduce((sum, w, j) => sum + w * Math.cos(angle * j), 0);
      const s = row.reduce((sum, w, j) => sum + w * Math.sin(angle * j), 0);
      return (c * c + s * s) / ((modulus / 2) * 0.02) ** 2;
    });
    expect(Math.max(...energies)).toBeCloseTo(1, 5);
    return energies.indexOf(Math.max(...energies)) + 1;
  };
  const counts = new Map<number, number>();
  for (let start = 0; start < theta.length; start += modulus) {
    const frequency = frequencyOf(theta.subarray(start, start + modulus));
    expect(frequencyOf(xi.subarray(start, start + modulus))).toBe(frequency);
    counts.set(frequency, (counts.get(frequency) ?? 0) + 1);
  }
  expect([...counts.values()].toSorted((a, b) => a - b)).toEqual([10, 10, 10, 11, 11]);
});

test("an uploaded init has no weights to draw", () => {
  expect(() => initialState(completeSpec({ init: { kind: "uploaded" } }))).toThrow(RangeError);
});
