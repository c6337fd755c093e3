import { expect, test } from "vitest";
import { rendered } from "../render/svg.ts";
import { textWidth } from "../render/text-width.ts";
import { between } from "./panel.ts";

test.each([20, 90, 300, 900, 10_000, 123_456])("numbers under an axis to %i stand apart", async (last) => {
  const { svg } = await rendered({
    title: "steps",
    caption: "",
    spec: {
      width: 420,
      height: 50,
      data: { values: [{ step: 0 }, { step: last }] },
      mark: "point",
      encoding: { x: between("step", "step", [0, last]) },
    },
  });
  const shown = [
    ...svg.matchAll(/text-anchor="(\w+)" transform="translate\(([\d.]+),[\d.]+\)"([^>]*)>([\d,]+)</g),
  ]
    .filter(([, , , attributes]) => !/opacity="0"/.test(attributes!))
    .map(([, anchor, x, , text]) => {
      const size = textWidth(text!, 10, false);
      const left =
        Number(x) - { start: 0, middle: size / 2, end: size }[anchor as "start" | "middle" | "end"];
      return { text, left, right: left + size };
    });
  expect(shown.length).toBeGreaterThan(2);
  for (const [i, { left }] of shown.entries())
    if (i > 0) expect(left - shown[i - 1]!.right, shown[i - 1]!.text).toBeGreaterThan(3);
});
