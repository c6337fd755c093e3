import fc from "fast-check";
import { expect, test } from "vitest";
import { rendered } from "../render/svg.ts";
import { textWidth } from "../render/text-width.ts";
import { type StageTimes, stageShades } from "./stage-shades.ts";

const width = 380;

async function drawn(times: StageTimes) {
  const { from, to } = times;
  const x = { type: "quantitative", scale: { type: "log", domain: [from, to], nice: false } };
  const { svg, warnings } = await rendered({
    title: "stages",
    caption: "",
    spec: { width, height: 100, layer: stageShades(times, x, width) },
  });
  expect(warnings).toEqual([]);
  const labels = [...svg.matchAll(/translate\(([-\d.]+),[-\d.]+\)"[^>]*>(\w+ation|cleanup)</g)].map(
    ([, middle, stage]) => {
      const half = textWidth(stage!, 10, false) / 2;
      return { stage: stage!, left: Number(middle) - half, right: Number(middle) + half };
    },
  );
  const bands = [
    ...svg.matchAll(/d="M([-\d.]+),[-\d.]+h([-\d.]+)v[^"]*" fill="#(?:FCEFDC|E3F0F8|E6F4EC)"/g),
  ].map(([, left, size]) => ({ left: Number(left), right: Number(left) + Number(size) }));
  return { labels, bands };
}

const times = fc
  .tuple(
    fc.integer({ min: 1, max: 200 }),
    ...Array.from({ length: 3 }, () => fc.double({ min: 0, max: 1, noNaN: true })),
  )
  .chain(([from, ...shares]) =>
    fc.integer({ min: from + 10, max: 1_000_000 }).map((to): StageTimes => {
      const [a, b] = shares
        .map((share) => Math.round(from * (to / from) ** share))
        .sort((one, other) => one - other);
      return { from, to, memorizationEnd: a!, generalizationEnd: shares[2]! < 0.2 ? null : b! };
    }),
  );

test("the names of stages stand apart from each other and within the panel, whenever stages end", async () => {
  await fc.assert(
    fc.asyncProperty(times, async (given) => {
      const { labels, bands } = await drawn(given);
      expect(labels.length).toBe(bands.length);
      for (const [i, { left, right }] of labels.entries()) {
        expect(left).toBeGreaterThanOrEqual(i === 0 ? -1e-6 : labels[i - 1]!.right + 4);
        expect(right).toBeLessThanOrEqual(width + 1e-6);
      }
    }),
    {
      numRuns: 25,
      examples: [
        [{ from: 1, to: 20_000, memorizationEnd: 2_103, generalizationEnd: 9_340 }],
        [{ from: 1, to: 20_000, memorizationEnd: 2, generalizationEnd: 3 }],
        [{ from: 1, to: 20_000, memorizationEnd: 19_998, generalizationEnd: 19_999 }],
      ],
    },
  );
});

test("a name stands over the middle of its stage where there is room", async () => {
  const { labels, bands } = await drawn({
    from: 1,
    to: 1_000_000,
    memorizationEnd: 100,
    generalizationEnd: 10_000,
  });
  expect(labels.map(({ stage }) => stage)).toEqual(["memorization", "generalization", "cleanup"]);
  for (const [i, { left, right }] of labels.entries())
    expect((left + right) / 2).toBeCloseTo((bands[i]!.left + bands[i]!.right) / 2, 3);
});

test("a stage that ended before what is shown has no name and no background", async () => {
  const { labels, bands } = await drawn({
    from: 500,
    to: 20_000,
    memorizationEnd: 300,
    generalizationEnd: 9_340,
  });
  expect(labels.map(({ stage }) => stage)).toEqual(["generalization", "cleanup"]);
  expect(bands[0]!.left).toBeCloseTo(0, 6);
  expect(bands[1]!.right).toBeCloseTo(width, 6);
});
