import { expect, test } from "vitest";
import type { Colours } from "../draw/colours.ts";
import { type Panel, panels } from "./panels.ts";
import { plotOptions } from "./plot-options.ts";

const norms = panels.find(({ id }) => id === "norms")!;

function axesOf(panel: Panel, linear: boolean) {
  const { axes } = plotOptions({
    ...{ panel, curves: [], linear, width: 600, height: 200, colours: {} as Colours },
    surroundings: () => ({ steps: [0, 1], stages: [], cursor: undefined }),
    onSelect: () => {},
    onHover: () => {},
  });
  return axes!;
}

test("only whole steps are marked, on either axis", () => {
  for (const linear of [true, false]) {
    const [steps] = axesOf(norms, linear);
    const filter = steps!.filter as unknown as (plot: undefined, splits: number[]) => (number | null)[];
    expect(filter(undefined, [2_101, 2_101.5, 2_102])).toEqual([2_101, null, 2_102]);
  }
});

test("an axis of decades is marked however far it reaches", () => {
  const [, , gradient] = axesOf(norms, true);
  const [largest] = gradient!.incrs as number[];
  // uPlot asks for marks where one of its increments is wide enough.
  expect(largest).toBeGreaterThan(Number.MAX_VALUE / 2);
});
