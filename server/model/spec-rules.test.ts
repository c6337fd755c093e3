import { expect, test } from "vitest";
import { completeSpec } from "./presets.ts";
import type { SpecInput } from "./spec-input.ts";
import { specViolations } from "./spec-rules.ts";

/** A wrong input, the field it must be reported at, and what must be said of it. */
const wrong: [SpecInput, string, string][] = [
  [{ modulus: 22 }, "modulus", "must be odd, 3 to 199; got 22"],
  [{ modulus: 1 }, "modulus", "must be odd, 3 to 199; got 1"],
  [{ modulus: 201 }, "modulus", "must be odd, 3 to 199; got 201"],
  [{ modulus: 22.5 }, "modulus", "must be odd, 3 to 199; got 22.5"],
  [{ modulus: -23 }, "modulus", "must be odd, 3 to 199; got -23"],
  [{ modulus: Number.NaN }, "modulus", "must be odd, 3 to 199; got NaN"],
  [{ width: 7 }, "width", "must be an integer, 8 to 65536; got 7"],
  [{ width: 65_537 }, "width", "must be an integer, 8 to 65536; got 65537"],
  [{ width: 512.5 }, "width", "must be an integer, 8 to 65536; got 512.5"],
  [{ width: Number.POSITIVE_INFINITY }, "width", "must be an integer, 8 to 65536; got Infinity"],
  [
    { activation: "foo" },
    "activation",
    'must be one of relu, gelu, x^2, identity, abs, x^3, x^4, x^8, softplus2, exp; got "foo"',
  ],
  [{ task: "multiply" }, "task", 'must be one of add, subtract, x^2+xy+y^2; got "multiply"'],
  [{ init: { kind: "zero" } }, "init.kind", 'must be one of random, single-frequency, uploaded; got "zero"'],
  [{ init: { scale: 0 } }, "init.scale", "must be greater than 0, at most 1000; got 0"],
  [{ init: { scale: -0.1 } }, "init.scale", "must be greater than 0, at most 1000; got -0.1"],
  [{ init: { scale: 1001 } }, "init.scale", "must be greater than 0, at most 1000; got 1001"],
  [{ init: { scale: Number.NaN } }, "init.scale", "must be greater than 0, at most 1000; got NaN"],
  [{ optimizer: { kind: "adam" } }, "optimizer.kind", 'must be one of adamw, sgd; got "adam"'],
  ...[0, -1, 1001, Number.NaN, Number.POSITIVE_INFINITY].map((learningRate): [SpecInput, string, string] => [
    { optimizer: { learningRate } },
    "optimizer.learningRate",
    `must be greater than 0, at most 1000; got ${learningRate}`,
  ]),
  [{ optimizer: { weightDecay: -1 } }, "optimizer.weightDecay", "must be 0 to 1000000; got -1"],
  [{ optimizer: { weightDecay: 2e6 } }, "optimizer.weightDecay", "must be 0 to 1000000; got 2000000"],
  [
    { optimizer: { kind: "sgd", weightDecay: Number.NaN } },
    "optimizer.weightDecay",
    "must be 0 to 1000000; got NaN",
  ],
  [{ optimizer: { beta1: 1 } }, "optimizer.beta1", "must be at least 0, less than 1; got 1"],
  [{ optimizer: { beta2: 1 } }, "optimizer.beta2", "must be at least 0, less than 1; got 1"],
  [{ optimizer: { beta2: -0.1 } }, "optimizer.beta2", "must be at least 0, less than 1; got -0.1"],
  [{ optimizer: { beta2: Number.NaN } }, "optimizer.beta2", "must be at least 0, less than 1; got NaN"],
  [{ optimizer: { epsilon: 0 } }, "optimizer.epsilon", "must be 1e-37 to 1; got 0"],
  [{ optimizer: { epsilon: 2 } }, "optimizer.epsilon", "must be 1e-37 to 1; got 2"],
  [
    { optimizer: { grokfast: { alpha: 1 } } },
    "optimizer.grokfast.alpha",
    "must be at least 0, less than 1; got 1",
  ],
  [
    { optimizer: { kind: "sgd", grokfast: { alpha: Number.NaN } } },
    "optimizer.grokfast.alpha",
    "must be at least 0, less than 1; got NaN",
  ],
  [{ optimizer: { grokfast: { lambda: -1 } } }, "optimizer.grokfast.lambda", "must be 0 to 1000; got -1"],
  [{ embedding: { dimension: 0 } }, "embedding.dimension", "must be an integer, 1 to 512; got 0"],
  [{ embedding: { dimension: 513 } }, "embedding.dimension", "must be an integer, 1 to 512; got 513"],
  [
    { init: { kind: "single-frequency" }, embedding: {} },
    "embedding",
    "must be left out with a single-frequency init, which draws theta itself; got 128",
  ],
  [{ schedule: { warmupSteps: -1 } }, "schedule.warmupSteps", "must be an integer, 0 to 1000000; got -1"],
  [{ schedule: { warmupSteps: 0.5 } }, "schedule.warmupSteps", "must be an integer, 0 to 1000000; got 0.5"],
  [{ split: { kind: "numpy" } }, "split.kind", 'must be one of torch, python, explicit; got "numpy"'],
  [{ split: { fraction: 0 } }, "split.fraction", "must be greater than 0, at most 1; got 0"],
  [{ split: { fraction: 1.01 } }, "split.fraction", "must be greater than 0, at most 1; got 1.01"],
  [{ split: { fraction: Number.NaN } }, "split.fraction", "must be greater than 0, at most 1; got NaN"],
  [
    { modulus: 3, split: { fraction: 0.1 } },
    "split.fraction",
    "must be at least 1/p^2 = 1/9, so that one pair is trained on; got 0.1",
  ],
  [{ split: { trainPairs: [] } }, "split.trainPairs", "must be at least one pair; got none"],
  [
    { split: { trainPairs: [0, 529] } },
    "split.trainPairs[1]",
    "must be an integer, 0 to p^2 - 1 = 528; got 529",
  ],
  [{ split: { trainPairs: [-1] } }, "split.trainPairs[0]", "must be an integer, 0 to p^2 - 1 = 528; got -1"],
  [
    { split: { trainPairs: [0, 1.5] } },
    "split.trainPairs[1]",
    "must be an integer, 0 to p^2 - 1 = 528; got 1.5",
  ],
  [
    { split: { trainPairs: [0, 3, 7, 7] } },
    "split.trainPairs[3]",
    "must be greater than the pair before it, 7; got 7",
  ],
  [{ seed: -1 }, "seed", "must be an integer, 0 to 4294967295 (2^32 - 1); got -1"],
  [{ seed: 2 ** 32 }, "seed", "must be an integer, 0 to 4294967295 (2^32 - 1); got 4294967296"],
  [{ seed: 0.5 }, "seed", "must be an integer, 0 to 4294967295 (2^32 - 1); got 0.5"],
];

test.each(wrong)("%j is reported at %s: %s", (input, field, description) => {
  expect(specViolations(completeSpec(input))).toEqual([{ field, description }]);
});

test.each<SpecInput>([
  { modulus: 3, width: 8 },
  { modulus: 199, width: 65_536 },
  { modulus: 15 },
  { optimizer: { learningRate: 1000, weightDecay: 1e6, beta1: 0, beta2: 0, epsilon: 1 } },
  { optimizer: { kind: "sgd", learningRate: Number.MIN_VALUE } },
  { schedule: { warmupSteps: 0 } },
  { split: { kind: "python", fraction: 1 / 529 } },
  { split: { trainPairs: [528] } },
  { seed: 2 ** 32 - 1, init: { kind: "uploaded" } },
])("%j is at the edge of what is allowed", (input) => {
  expect(specViolations(completeSpec(input))).toEqual([]);
});

test("every wrong field is reported, in the spec's order", () => {
  const spec = completeSpec({
    modulus: 4,
    width: 1,
    activation: "foo",
    task: "foo",
    init: { scale: -1 },
    optimizer: { learningRate: -1, beta1: 2 },
    schedule: { warmupSteps: -1 },
    split: { fraction: 2 },
    seed: -1,
  });
  expect(specViolations(spec).map(({ field }) => field)).toEqual([
    "modulus",
    "width",
    "activation",
    "task",
    "init.scale",
    "optimizer.learningRate",
    "optimizer.beta1",
    "schedule.warmupSteps",
    "split.fraction",
    "seed",
  ]);
});

test("a name is repeated only as far as it may be one, whole characters of it", () => {
  for (const [character, times] of [
    ["z", 79],
    ["😀", 39],
  ] as const) {
    const spec = completeSpec({ activation: character.repeat(1_000_000) });
    const [violation] = specViolations(spec);
    expect(violation!.description.split("; got ")[1]).toBe(`"${character.repeat(times)}…"`);
  }
  const [whole] = specViolations(completeSpec({ task: "z".repeat(80) }));
  expect(whole!.description).toContain(`got "${"z".repeat(80)}"`);
});

test("of a long list of wrong pairs, only the first few are reported", () => {
  const spec = completeSpec({ split: { trainPairs: Array.from({ length: 1000 }, () => -1) } });
  expect(specViolations(spec)).toHaveLength(8);
});

test("pairs are not held against a modulus that is wrong itself", () => {
  const spec = completeSpec({ modulus: 22, split: { trainPairs: [3, 600] } });
  expect(specViolations(spec).map(({ field }) => field)).toEqual(["modulus"]);
});
