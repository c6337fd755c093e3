import fc from "fast-check";
import { expect, test } from "vitest";
import { completeSpec } from "./presets.ts";
import { activations } from "./spec.ts";
import {
  type Axis,
  type Cells,
  coordinatesOf,
  groupCount,
  groupSpec,
  groupViolations,
  runCount,
  specOf,
} from "./sweep-grid.ts";

const values: Record<Axis["parameter"], fc.Arbitrary<number | string>> = {
  modulus: fc.integer({ min: 1, max: 99 }).map((k) => 2 * k + 1),
  width: fc.integer({ min: 8, max: 512 }),
  activation: fc.constantFrom(...activations),
  task: fc.constantFrom("add", "subtract", "x^2+xy+y^2"),
  initScale: fc.double({ min: 1e-6, max: 10, noNaN: true }),
  learningRate: fc.double({ min: 1e-6, max: 10, noNaN: true }),
  weightDecay: fc.double({ min: 0, max: 10, noNaN: true }),
  warmupSteps: fc.nat(100),
  trainFraction: fc.double({ min: 0.2, max: 1, noNaN: true }),
};

const axes = fc
  .uniqueArray(fc.constantFrom(...(Object.keys(values) as Axis["parameter"][])), { maxLength: 4 })
  .chain((parameters) =>
    fc.tuple(
      ...parameters.map((parameter) =>
        fc
          .uniqueArray(values[parameter], { minLength: 1, maxLength: 4 })
          .map((list): Axis => ({ parameter, values: list })),
      ),
    ),
  );
const grids = fc
  .tuple(axes, fc.constantFrom("", "grokking", "quad_random_sgd"))
  .map(([list, preset]): Cells => ({ kind: "grid", base: { preset, input: {} }, axes: list }));
const seedLists = fc.uniqueArray(fc.nat(2 ** 32 - 1), { minLength: 1, maxLength: 5 });

test("a grid has every combination of its axes' values with every seed, each once", () => {
  fc.assert(
    fc.property(grids, seedLists, (cells, seeds) => {
      const count = runCount({ cells, seeds });
      expect(count).toBe(groupCount(cells) * seeds.length);
      const all = Array.from({ length: count }, (_, run) => {
        const group = Math.floor(run / seeds.length);
        return JSON.stringify([coordinatesOf(cells, group), specOf({ cells, seeds }, run).seed]);
      });
      expect(new Set(all).size).toBe(count);
    }),
  );
});

test("a run's spec is its preset's with the values of its coordinates, and nothing else changed", () => {
  fc.assert(
    fc.property(grids, seedLists, fc.nat(), (cells, seeds, n) => {
      if (cells.kind !== "grid") return;
      const run = n % runCount({ cells, seeds });
      const at = new Map(
        coordinatesOf(cells, Math.floor(run / seeds.length)).map(({ parameter, value }) => [
          parameter,
          value,
        ]),
      );
      const spec = specOf({ cells, seeds }, run);
      const number = (name: Axis["parameter"]) => at.get(name) as number | undefined;
      const name = (parameter: Axis["parameter"]) => at.get(parameter) as string | undefined;
      expect(spec).toEqual(
        completeSpec(
          {
            modulus: number("modulus"),
            width: number("width"),
            activation: name("activation"),
            task: name("task"),
            init: { scale: number("initScale") },
            optimizer: { learningRate: number("learningRate"), weightDecay: number("weightDecay") },
            schedule: { warmupSteps: number("warmupSteps") },
            split: { fraction: number("trainFraction") },
            seed: seeds[run % seeds.length],
          },
          cells.base.preset || undefined,
        ),
      );
      expect(groupViolations(cells, Math.floor(run / seeds.length))).toEqual([]);
    }),
  );
});

test("the last axis varies fastest, and runs of one group differ only in their seed", () => {
  const cells: Cells = {
    kind: "grid",
    base: { preset: "grokking", input: { modulus: 7 } },
    axes: [
      { parameter: "weightDecay", values: [1, 2] },
      { parameter: "learningRate", values: [1e-3, 1e-4] },
    ],
  };
  const seeds = [5, 6];
  const decays = Array.from({ length: 8 }, (_, run) => {
    const { optimizer, seed } = specOf({ cells, seeds }, run);
    return [optimizer.weightDecay, optimizer.learningRate, seed];
  });
  expect(decays).toEqual([
    [1, 1e-3, 5],
    [1, 1e-3, 6],
    [1, 1e-4, 5],
    [1, 1e-4, 6],
    [2, 1e-3, 5],
    [2, 1e-3, 6],
    [2, 1e-4, 5],
    [2, 1e-4, 6],
  ]);
});

test("a wrong value is laid on the axis that set it, and one of the base on the base", () => {
  const grid = (axis: Axis, input = {}): Cells => ({
    kind: "grid",
    base: { preset: "", input },
    axes: [axis],
  });
  expect(groupViolations(grid({ parameter: "modulus", values: [7, 22] }), 1)).toEqual([
    { field: "modulus", axis: 0, description: "must be odd, 3 to 199; got 22" },
  ]);
  const wide = grid({ parameter: "modulus", values: [7] }, { width: 1 });
  expect(groupViolations(wide, 0)).toMatchObject([{ field: "width", axis: undefined }]);
  const listed = grid(
    { parameter: "trainFraction", values: [0.5] },
    { modulus: 5, split: { kind: "explicit", trainPairs: [1, 2] } },
  );
  expect(groupViolations(listed, 0)).toMatchObject([{ field: "split.fraction", axis: 0 }]);
});

test("a list has its specs in their order, each over its own preset", () => {
  const cells: Cells = {
    kind: "list",
    specs: [
      { preset: "grokking", input: { modulus: 7 } },
      { preset: "", input: { activation: "x" } },
    ],
  };
  expect(groupSpec(cells, 0)).toEqual(completeSpec({ modulus: 7 }, "grokking"));
  expect(specOf({ cells, seeds: [1, 9] }, 3)).toEqual(completeSpec({ activation: "identity", seed: 9 }));
  expect(coordinatesOf(cells, 1)).toEqual([]);
});
