import { expect, test } from "vitest";
import { rendered } from "../render/svg.ts";
import { unbounded } from "./panel.ts";

const labelsUpTo = async (largest: number) => {
  const { svg } = await rendered({
    title: "large",
    caption: "",
    spec: {
      data: { values: [{ loss: 0 }, { loss: largest }] },
      mark: "point",
      encoding: { y: { field: "loss", type: "quantitative", title: null, axis: unbounded } },
    },
  });
  return [...svg.matchAll(/>([^<>]+)<\/text>/g)].map(([, text]) => text!);
};

test("numbers of any size have short labels, and usual ones the usual labels", async () => {
  expect(await labelsUpTo(3.5)).toContain("3.5");
  expect(await labelsUpTo(5_000)).toContain("5,000");
  expect(await labelsUpTo(1.4e13)).toContain("1.4e+13");
  for (const label of await labelsUpTo(1.5e34)) expect(label).toMatch(/^(0|0\.0|\d(\.\d+)?e\+3\d)$/);
});
