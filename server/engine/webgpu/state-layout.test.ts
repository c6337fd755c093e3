import fc from "fast-check";
import { expect, test } from "vitest";
import { arrayNamesOf, shapeOf, stateSize } from "../../model/network-state.ts";
import type { Shape } from "./plan.ts";
import { layOut, readOut, stateLayoutOf } from "./state-layout.ts";

const arbitraryShape: fc.Arbitrary<Shape> = fc.record({
  modulus: fc.integer({ min: 1, max: 20 }).map((half) => 2 * half + 1),
  width: fc.integer({ min: 8, max: 40 }),
  activation: fc.constant("relu"),
  optimizer: fc.constantFrom("adamw", "sgd"),
  dimension: fc.integer({ min: 0, max: 30 }),
  grokfast: fc.boolean(),
});

const kindOf = ({ optimizer, dimension, grokfast }: Shape) => ({
  moments: optimizer === "adamw",
  averages: grokfast,
  factors: dimension > 0,
});

test("every array of a state has a place of its own, padded with zeros, and comes back from it", () => {
  fc.assert(
    fc.property(arbitraryShape, (shape) => {
      const { arrays, size } = stateLayoutOf(shape);
      expect(arrays.map(({ name }) => name).sort()).toEqual(arrayNamesOf(kindOf(shape)).sort());
      const slot = new Float32Array(4 * size);
      let next = 0;
      const values = arrays.map((stored) => {
        const [rows, columns] = shapeOf(stored.name, shape);
        const numbers = Float32Array.from({ length: rows * columns }, () => ++next);
        layOut(numbers, stored, slot);
        return numbers;
      });
      expect(slot.filter((value) => value !== 0).sort()).toEqual(
        Float32Array.from({ length: stateSize(kindOf(shape), shape) }, (_, i) => i + 1),
      );
      for (const [i, stored] of arrays.entries()) expect(readOut(slot, stored)).toEqual(values[i]);
    }),
  );
});

test("moments and averages of a weight lie as far behind it as the kernels look for them", () => {
  fc.assert(
    fc.property(arbitraryShape, (shape) => {
      const { arrays, trained, toAverage } = stateLayoutOf(shape);
      const firstOf = (name: string) => arrays.find((stored) => stored.name === name)?.first;
      const names = shape.dimension > 0 ? ["xi", "projection", "embedding"] : ["theta", "xi"];
      for (const name of names) {
        const first = firstOf(name)!;
        const has = shape.optimizer === "adamw";
        expect(firstOf(`${name}First`)).toBe(has ? first + trained : undefined);
        expect(firstOf(`${name}Second`)).toBe(has ? first + 2 * trained : undefined);
        expect(firstOf(`${name}Average`)).toBe(shape.grokfast ? first + toAverage : undefined);
      }
    }),
  );
});

const smallest: Shape = {
  modulus: 3,
  width: 8,
  activation: "relu",
  optimizer: "sgd",
  dimension: 2,
  grokfast: false,
};
const counted = (length: number) => Float32Array.from({ length }, (_, i) => i);

test("the residues of a quad of neurons are neighbours on the device, and so are the neurons of a row of W_in and the residues of one of W_E", () => {
  const slot = new Float32Array(100);
  const [, xi, projection, embedding] = stateLayoutOf(smallest).arrays;
  layOut(counted(24), { ...xi, first: 0 }, slot);
  expect([...slot.subarray(0, 8)]).toEqual([0, 3, 6, 9, 1, 4, 7, 10]);
  expect([...slot.subarray(12, 16)]).toEqual([12, 15, 18, 21]);
  layOut(counted(16), { ...projection, first: 0 }, slot);
  expect([...slot.subarray(8, 16)]).toEqual([1, 3, 5, 7, 9, 11, 13, 15]);
  slot.fill(0);
  layOut(Float32Array.of(1, 2, 3, 4, 5, 6), { ...embedding, first: 0 }, slot);
  expect([...slot.subarray(0, 8)]).toEqual([1, 2, 3, 0, 4, 5, 6, 0]);
});
