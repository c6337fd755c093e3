import fc from "fast-check";
import { expect, test } from "vitest";
import { type Ablation, ablate, ablationViolations } from "./ablation.ts";
import { projectOnDominant } from "./dominant.ts";
import { logits } from "./evaluation.ts";
import { frequencyCount } from "./fourier-basis.ts";
import { idealNetwork } from "./ideal-network.ts";
import { summarizeSpectrum } from "./spectrum-summary.ts";
import { decidedNetworks, networks } from "./testing/networks.ts";

function largest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

const scaleOf = (values: ArrayLike<number>) =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 1);

function expectSame(
  a: { theta: ArrayLike<number>; xi: ArrayLike<number> },
  b: { theta: ArrayLike<number>; xi: ArrayLike<number> },
): void {
  expect(largest(a.theta, b.theta)).toBeLessThan(1e-12 * scaleOf(b.theta));
  expect(largest(a.xi, b.xi)).toBeLessThan(1e-12 * scaleOf(b.xi));
}

test("nothing, all frequencies kept, all neurons kept and a factor of 1 change nothing, and the input never changes", () => {
  fc.assert(
    fc.property(networks, ({ modulus, width, theta, xi }) => {
      const all = Array.from({ length: frequencyCount(modulus) }, (_, i) => i + 1);
      const before = [theta.slice(), xi.slice()];
      const changes: Ablation[] = [
        { kind: "keepFrequencies", frequencies: all },
        { kind: "removeFrequencies", frequencies: [] },
        { kind: "keepNeurons", neurons: Array.from({ length: width }, (_, m) => m) },
        { kind: "removeNeurons", neurons: [] },
        { kind: "scale", theta: 1, xi: 1 },
      ];
      expectSame(ablate(theta, xi, modulus, changes), { theta, xi });
      ablate(theta, xi, modulus, [{ kind: "scale", theta: 3, xi: 3 }, { kind: "project" }]);
      expect([theta, xi]).toEqual(before);
    }),
  );
});

test("what is removed and what is kept in its place are the network, apart from the mean", () => {
  fc.assert(
    fc.property(networks, fc.nat(), ({ modulus, theta, xi }, seed) => {
      const some = Array.from({ length: frequencyCount(modulus) }, (_, i) => i + 1).filter(
        (k) => (seed >> k) & 1,
      );
      const gone = ablate(theta, xi, modulus, [{ kind: "removeFrequencies", frequencies: some }]);
      const kept = ablate(theta, xi, modulus, [{ kind: "keepFrequencies", frequencies: some }]);
      const means = ablate(theta, xi, modulus, [{ kind: "keepFrequencies", frequencies: [] }]);
      const sum = (name: "theta" | "xi") =>
        gone[name].map((value, i) => value + kept[name][i]! - means[name][i]!);
      expectSame({ theta: sum("theta"), xi: sum("xi") }, { theta, xi });
    }),
  );
});

test("neurons are dropped by number, in the network as it is by then", () => {
  const { theta, xi } = idealNetwork({ modulus: 7, frequencies: [1, 2, 3], neurons: 5 });
  const { theta: left } = ablate(theta, xi, 7, [
    { kind: "removeNeurons", neurons: [0] },
    { kind: "keepNeurons", neurons: [3, 1] },
  ]);
  expect([...left]).toEqual([...theta.slice(14, 21), ...theta.slice(28, 35)]);
});

test("a network projected is as the dominant-only loss has it", () => {
  fc.assert(
    fc.property(networks, ({ modulus, theta, xi }) => {
      const { theta: inner, xi: outer } = ablate(theta, xi, modulus, [{ kind: "project" }]);
      expectSame({ theta: inner, xi: outer }, projectOnDominant(theta, xi, modulus));
    }),
  );
});

test("factors of the layers multiply logits under x^2 by the square of one and by the other", () => {
  fc.assert(
    fc.property(
      networks,
      fc.double({ min: -2, max: 2, noNaN: true }),
      ({ modulus, width, theta, xi }, factor) => {
        const of = (layers: { theta: Float64Array | Float32Array; xi: Float64Array | Float32Array }) =>
          logits({ modulus, width, activation: "x^2", ...layers });
        const scaled = of(ablate(theta, xi, modulus, [{ kind: "scale", theta: factor, xi: -0.5 }]));
        const expected = of({ theta, xi }).map((value) => value * factor ** 2 * -0.5);
        expect(largest(scaled, expected)).toBeLessThan(1e-9 * scaleOf(expected));
      },
    ),
  );
});

test("spread phases are evenly spread, with every misalignment, magnitude and other frequency as it was", () => {
  fc.assert(
    fc.property(decidedNetworks, fc.double({ min: 0.1, max: 2 * Math.PI, noNaN: true }), (network, range) => {
      const { modulus, theta, xi } = network;
      const neurons = [...Array(theta.length / modulus).keys()];
      const before = summarizeSpectrum(theta, xi, modulus, neurons);
      const spread = ablate(theta, xi, modulus, [{ kind: "spreadPhases", range }]);
      const after = summarizeSpectrum(spread.theta, spread.xi, modulus, neurons);
      expect(after.dominantFrequency).toEqual(before.dominantFrequency);
      expect(largest(after.thetaMagnitude, before.thetaMagnitude)).toBeLessThan(1e-5);
      expect(largest(after.xiMagnitude, before.xiMagnitude)).toBeLessThan(1e-5);
      const count = frequencyCount(modulus);
      const phases = new Map<number, number[]>();
      for (const m of neurons) {
        const k = after.dominantFrequency[m]!;
        const turned = Math.cos(after.misalignment[m]! - before.misalignment[m]!);
        expect(turned).toBeGreaterThan(1 - 1e-6);
        if (k === 0) continue;
        const phase = after.thetaPhase[m * count + k - 1]!;
        phases.set(k, [...(phases.get(k) ?? []), phase < -1e-5 ? phase + 2 * Math.PI : phase]);
      }
      for (const group of phases.values()) {
        const expected = group.map((_, i) => (range * i) / group.length);
        const off = group.sort((a, b) => a - b).map((phase, i) => Math.abs(phase - expected[i]!));
        expect(Math.max(...off)).toBeLessThan(1e-4);
      }
    }),
  );
});

test("an ideal network's phases are spread already", () => {
  const { theta, xi } = idealNetwork({ modulus: 23, frequencies: [1, 5, 9], neurons: 20 });
  expectSame(ablate(theta, xi, 23, [{ kind: "spreadPhases", range: 2 * Math.PI }]), { theta, xi });
});

test("restricted phases are those within half the range of the center, on the circle", () => {
  const { theta, xi } = idealNetwork({ modulus: 7, frequencies: [2], neurons: 8 });
  const left = ablate(theta, xi, 7, [{ kind: "restrictPhases", center: 2 * Math.PI, range: Math.PI * 0.6 }]);
  expectSame(left, ablate(theta, xi, 7, [{ kind: "keepNeurons", neurons: [0, 1, 7] }]));
  expect(ablate(theta, xi, 7, [{ kind: "restrictPhases", center: 0.3, range: 0.1 }]).theta).toHaveLength(0);
  // However far the center is, it is a point of the circle.
  const center = Math.atan2(Math.sin(1e20), Math.cos(1e20));
  const far = ablate(theta, xi, 7, [{ kind: "restrictPhases", center: 1e20, range: 2 }]);
  expectSame(far, ablate(theta, xi, 7, [{ kind: "restrictPhases", center, range: 2 }]));
  expect(far.theta.length).toBeLessThan(theta.length);
});

test("a neuron without a frequency has no phase: it stays as it is when phases spread, and goes when they are restricted", () => {
  // The first neurons have the last frequency, so that theirs is the entry before the constant one's.
  const { theta, xi } = idealNetwork({ modulus: 7, frequencies: [3], neurons: 5 });
  const both = (layer: Float64Array) => Float64Array.from([...layer, ...Array(7).fill(0.3)]);
  const spread = { kind: "spreadPhases", range: 2 } as const;
  const alone = ablate(theta, xi, 7, [spread]);
  expectSame(ablate(both(theta), both(xi), 7, [spread]), { theta: both(alone.theta), xi: both(alone.xi) });
  const left = ablate(both(theta), both(xi), 7, [{ kind: "restrictPhases", center: 0, range: 2 * Math.PI }]);
  expectSame(left, { theta, xi });
});

test("neurons after a restriction are numbers of those that it left", () => {
  const { theta, xi } = idealNetwork({ modulus: 7, frequencies: [2], neurons: 8 });
  const restrict: Ablation = { kind: "restrictPhases", center: 0, range: Math.PI * 0.6 };
  const told = (...after: Ablation[]) => {
    const ablations = [restrict, ...after];
    expect(ablationViolations(ablations, 7, 8)).toEqual([]);
    return ablate(theta, xi, 7, ablations).violations;
  };
  const most = "must be 0 to 2, a neuron that is left; got 7";
  for (const kind of ["removeNeurons", "keepNeurons"] as const) {
    const list = kind === "removeNeurons" ? "remove_neurons" : "keep_neurons";
    expect(told({ kind, neurons: [1, 7] })).toEqual([
      { field: `ablations[1].${list}.neurons[1]`, description: most },
    ]);
  }
  expect(told({ kind: "removeNeurons", neurons: [2] }, { kind: "keepNeurons", neurons: [2] })).toEqual([
    {
      field: "ablations[2].keep_neurons.neurons[0]",
      description: "must be 0 to 1, a neuron that is left; got 2",
    },
  ]);
  expect(told({ kind: "removeNeurons", neurons: [0, 1, 2] })).toEqual([
    {
      field: "ablations[1].remove_neurons.neurons",
      description: "must be such that a neuron stays; got 3 of 3",
    },
  ]);
  expect(told({ kind: "keepNeurons", neurons: [0, 2] }, { kind: "keepNeurons", neurons: [1] })).toEqual([]);
  const twice: Ablation = { kind: "removeNeurons", neurons: [9, 9] };
  expect(ablationViolations([restrict, twice], 7, 8).map(({ field }) => field)).toEqual([
    "ablations[1].remove_neurons.neurons",
  ]);
});

test("every rule names its field and what it must be", () => {
  const wrong: Ablation[] = [
    { kind: "removeFrequencies", frequencies: [1, 12] },
    { kind: "keepFrequencies", frequencies: [2, 2] },
    { kind: "removeNeurons", neurons: [0, 1, 2] },
    { kind: "keepNeurons", neurons: [5] },
    { kind: "spreadPhases", range: 7 },
    { kind: "restrictPhases", center: Number.NaN, range: 0 },
    { kind: "scale", theta: Number.POSITIVE_INFINITY, xi: 1 },
  ];
  expect(
    ablationViolations(wrong, 23, 5).map(({ field, description }) => `${field}: ${description}`),
  ).toEqual([
    "ablations[0].remove_frequencies.frequencies[1]: must be 1 to 11, a frequency of Z_23; got 12",
    "ablations[1].keep_frequencies.frequencies: must be without repetition; got 2 entries",
    "ablations[3].keep_neurons.neurons[0]: must be 0 to 1, a neuron that is left; got 5",
    "ablations[4].spread_phases.range: must be greater than 0, at most 2 pi; got 7",
    "ablations[5].restrict_phases.center: must be finite; got NaN",
    "ablations[5].restrict_phases.range: must be greater than 0, at most 2 pi; got 0",
    "ablations[6].scale.theta: must be finite; got Infinity",
  ]);
  expect(ablationViolations([{ kind: "removeNeurons", neurons: [0, 1] }], 23, 2)).toMatchObject([
    {
      field: "ablations[0].remove_neurons.neurons",
      description: "must be such that a neuron stays; got 2 of 2",
    },
  ]);
});

test("where an earlier change left no neuron, the lists after it are told so", () => {
  const wrong: Ablation[] = [
    { kind: "keepNeurons", neurons: [] },
    { kind: "removeNeurons", neurons: [0, 1] },
    { kind: "keepNeurons", neurons: [1] },
    { kind: "removeNeurons", neurons: [] },
  ];
  const description = "must name neurons that are left: an earlier change leaves none";
  expect(ablationViolations(wrong, 23, 5)).toEqual([
    {
      field: "ablations[0].keep_neurons.neurons",
      description: "must be such that a neuron stays; got 0 of 5",
    },
    { field: "ablations[1].remove_neurons.neurons", description },
    { field: "ablations[2].keep_neurons.neurons", description },
  ]);
});
