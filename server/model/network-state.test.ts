import { expect, test } from "vitest";
import { arrayNamesOf, arraysOf, shapeOf, stateArrayNames, stateFrom, stateSize } from "./network-state.ts";

const kinds = [false, true].flatMap((moments) =>
  [false, true].flatMap((averages) => [false, true].map((factors) => ({ moments, averages, factors }))),
);
const shape = { modulus: 5, width: 8, dimension: 3 };

test.each(kinds)("a state is its arrays and back: %j", (kind) => {
  const names = arrayNamesOf(kind);
  const arrays = Object.fromEntries(
    names.map((name, i) => {
      const [rows, columns] = shapeOf(name, shape);
      return [name, new Float32Array(rows * columns).fill(i)];
    }),
  );
  const state = stateFrom<Float32Array>(7, arrays);
  expect(state.step).toBe(7);
  expect(arraysOf(state)).toEqual(arrays);
  expect(state.moments !== undefined).toBe(kind.moments);
  expect(state.averages !== undefined).toBe(kind.averages);
  expect(state.factors !== undefined).toBe(kind.factors);
  const numbers = Object.values(arrays).reduce((sum, { length }) => sum + length, 0);
  expect(stateSize(kind, shape)).toBe(numbers);
});

test("with a learned embedding its factors have moments and averages, and theta has none", () => {
  const names = arrayNamesOf({ moments: true, averages: true, factors: true });
  expect(stateArrayNames.filter((name) => !names.includes(name))).toEqual([
    "thetaFirst",
    "thetaSecond",
    "thetaAverage",
  ]);
  expect(shapeOf("embeddingSecond", shape)).toEqual([3, 5]);
  expect(shapeOf("projectionAverage", shape)).toEqual([8, 3]);
  expect(shapeOf("xiFirst", shape)).toEqual([8, 5]);
});
