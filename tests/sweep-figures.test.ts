import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { png, svg, sweepFigures } from "../clients/figures/mod.ts";
import { rendered } from "../clients/figures/render/svg.ts";
import { Grokbox, type Sweep } from "../sdk/src/mod.ts";
import type { RunningServer } from "../server/server.ts";
import { figureStructure, structureText } from "./testing/figure-structure.ts";
import { startTestServer } from "./testing/server.ts";

let server: RunningServer;
let box: Grokbox;
let sweep: Sweep;

/** Learns quickly, and memorizes whether it decays or not. */
const base = {
  modulus: 7,
  width: 64,
  learningRate: 5e-3,
  split: { kind: "torch", fraction: 0.6 },
} as const;

beforeAll(async () => {
  server = await startTestServer();
  box = await Grokbox.connect(server.address);
  sweep = await box.sweep({
    title: "of a test",
    base,
    grid: { weightDecay: [0, 1], initScale: [0.1, 1] },
    seeds: [1, 2, 3, 4],
    untilStep: 800,
    recordEvery: 20,
  });
  await Array.fromAsync(sweep.runs());
});
afterAll(async () => {
  box.close();
  await server.close();
});

test.each(sweepFigures.map((figure) => [figure.id, figure] as const))(
  "%s is drawn of a sweep, through the API",
  async (id, figure) => {
    const drawing = await figure.draw({ sweep });
    const { svg: text, warnings } = await rendered(drawing);
    expect(warnings).toEqual([]);
    expect(text).not.toMatch(/NaN|undefined|\[object/);
    await expect(structureText(figureStructure(text))).toMatchFileSnapshot(`figures/sweep-${id}.txt`);
    expect(JSON.parse(JSON.stringify(drawing.data))).toEqual(drawing.data);
    expect(drawing.sweep).toBe(sweep.name);
    expect((await png(await svg(drawing))).length).toBeGreaterThan(10_000);
  },
);

test("stage times are those of the runs, spread over all that have a value", async () => {
  const { data } = await sweepFigures.find(({ id }) => id === "stages")!.draw({ sweep });
  const { panels } = data as {
    panels: {
      parameter: string;
      values: string[];
      times: { value: string; kind: string; step: number }[];
      spreads: { value: string; kind: string; runs: number; of: number; median: number }[];
    }[];
  };
  expect(panels.map(({ parameter, values }) => [parameter, values])).toEqual([
    ["weight_decay", ["0", "1"]],
    ["init_scale", ["0.1", "1"]],
  ]);
  const runs = await Array.fromAsync(sweep.summaries());
  const steps = runs
    .filter(({ coordinates }) => coordinates.weightDecay === 1)
    .flatMap(({ memorizationEnd }) => memorizationEnd ?? [])
    .sort((a, b) => a - b);
  const spread = panels[0]!.spreads.find(({ value, kind }) => value === "1" && kind === "memorization ends")!;
  expect([spread.runs, spread.of]).toEqual([steps.length, 8]);
  const middle = (steps.length - 1) / 2;
  expect(spread.median).toBeCloseTo((steps[Math.floor(middle)]! + steps[Math.ceil(middle)]!) / 2, 9);
});

test("bands are of the groups asked for, and say how many are left out", async () => {
  const bands = sweepFigures.find(({ id }) => id === "bands")!;
  const { data } = await bands.draw({ sweep, groups: [3] });
  expect(data).toMatchObject({ groups: ["weight_decay 1, init_scale 1"], left: 3 });
  await expect(bands.draw({ sweep, groups: [3, 9] })).rejects.toMatchObject({
    kind: "invalid",
    message: `groups of ${sweep.name} are 0 to 3; got 9`,
  });
});

test("sweeps of one setting, of a list, without a test set, and without any run are drawn or refused", async () => {
  const quick = { untilStep: 400, recordEvery: 50, seeds: [1, 2] };
  for (const options of [
    { base, ...quick },
    { specs: [base, { modulus: 5, width: 16 }], ...quick },
    { base: { modulus: 5, width: 64, learningRate: 1e-2 }, ...quick },
  ]) {
    await using other = await box.sweep(options);
    await Array.fromAsync(other.runs());
    for (const figure of sweepFigures) {
      const drawing = await figure.draw({ sweep: other }).catch((error) => {
        expect(String(error)).toContain("has got to the end of a stage");
        return undefined;
      });
      if (drawing !== undefined)
        expect([figure.id, (await rendered(drawing)).warnings]).toEqual([figure.id, []]);
    }
  }
  await using none = await box.sweep({ base, untilStep: 1_000_000, recordEvery: 100_000 });
  for (const figure of sweepFigures)
    await expect(figure.draw({ sweep: none })).rejects.toMatchObject({
      kind: "state",
      message: expect.stringContaining("no run"),
    });
  await none.delete();
});

test("the package's README shows every figure of sweeps", () => {
  const readme = readFileSync(join(import.meta.dirname, "../clients/figures/README.md"), "utf8");
  for (const { id, title } of sweepFigures) expect(readme).toContain(`| ${id} | ${title}`);
});
