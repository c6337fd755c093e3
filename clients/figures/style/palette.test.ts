import { expect, test } from "vitest";
import { rendered } from "../render/svg.ts";
import { diverging } from "./palette.ts";

test("positive numbers are warm and negative ones cool", async () => {
  const { svg } = await rendered({
    title: "signs",
    caption: "",
    spec: {
      data: { values: [{ share: -1 }, { share: 1 }] },
      mark: "rect",
      encoding: {
        x: { field: "share", type: "ordinal" },
        color: {
          field: "share",
          type: "quantitative",
          scale: { ...diverging, domain: [-1, 1] },
          legend: null,
        },
      },
    },
  });
  const fills = [...svg.matchAll(/fill="rgb\((\d+), \d+, (\d+)\)"/g)].map(([, red, blue]) => [+red!, +blue!]);
  const [negative, positive] = fills as [[number, number], [number, number]];
  expect(negative[1]).toBeGreaterThan(negative[0]);
  expect(positive[0]).toBeGreaterThan(positive[1]);
});
