import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FigureError, figures, png, svg } from "../clients/figures/mod.ts";
import { rendered } from "../clients/figures/render/svg.ts";
import { Grokbox, type Session } from "../sdk/src/mod.ts";
import { type RunningServer, startServer } from "../server/server.ts";
import { figureStructure, structureText } from "./testing/figure-structure.ts";

/** Far enough for something to be seen; the paper's length is drawn by `npm run paper`. */
const end = 300;
let server: RunningServer;
let box: Grokbox;
const sessions = new Map<string, Session>();

beforeAll(async () => {
  server = await startServer({ port: 0, logLevel: "silent" });
  box = await Grokbox.connect(server.address);
  const presets = new Set(figures.flatMap(({ preset }) => preset ?? []));
  await Promise.all(
    [...presets].map(async (preset) => {
      const session = await box.start({ preset: preset as "standard", recordEvery: 10 });
      await session.snapshot();
      const wanted = figures
        .filter((figure) => figure.preset === preset)
        .flatMap((figure) => figure.snapshots(end));
      const snapshotAt = [...new Set(wanted)].filter((step) => step > 0).sort((a, b) => a - b);
      await session.run({ untilStep: end, snapshotAt }).finished;
      sessions.set(preset, session);
    }),
  );
});

afterAll(async () => {
  box.close();
  await server.close();
});

const sourceOf = (preset: string | undefined) => ({
  box,
  session: preset === undefined ? undefined : sessions.get(preset),
});

describe("every figure and table is drawn from a session of its preset, through the API", () => {
  test.each(figures.map((figure) => [figure.id, figure] as const))("%s", async (id, figure) => {
    const drawing = await figure.draw(sourceOf(figure.preset));
    const { svg: text, warnings } = await rendered(drawing);
    expect(warnings).toEqual([]);
    // A number that isn't one would show as such.
    expect(text).not.toMatch(/NaN|undefined|\[object/);
    await expect(structureText(figureStructure(text))).toMatchFileSnapshot(`figures/${id}.txt`);
    // The data says everything by itself, in JSON.
    expect(JSON.parse(JSON.stringify(drawing.data))).toEqual(drawing.data);
    expect(JSON.stringify(drawing.data).length).toBeGreaterThan(100);
  });
});

test("a PNG has as many pixels as its scale says, and is not empty", async () => {
  const text = await svg(await figures.find(({ id }) => id === "5")!.draw(sourceOf("standard")));
  const [, width, height] = /<svg [^>]*width="([\d.]+)" height="([\d.]+)"/.exec(text)!;
  const bytes = await png(text, 2);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  expect([view.getUint32(16), view.getUint32(20)]).toEqual([
    Math.round(2 * Number(width)),
    Math.round(2 * Number(height)),
  ]);
  expect(bytes.length).toBeGreaterThan(10_000);
});

test("stages are shaded once they are known, each with its name", async () => {
  await using session = await box.start({
    preset: "grokking",
    modulus: 19,
    width: 512,
    optimizer: "adamw",
    learningRate: 1e-3,
    weightDecay: 2,
    recordEvery: 10,
  });
  await session.run({ untilStep: 3_000 }).finished;
  const { stages } = await session.refresh();
  expect(stages?.generalizationEnd).toBeGreaterThan(stages?.memorizationEnd ?? 0);
  const drawing = await figures.find(({ id }) => id === "14")!.draw({ box, session });
  expect(drawing.data).toMatchObject({
    memorizationEnd: stages?.memorizationEnd,
    generalizationEnd: stages?.generalizationEnd,
  });
  const text = await svg(drawing);
  for (const stage of ["memorization", "generalization", "cleanup"]) {
    expect(text.split(`>${stage}<`)).toHaveLength(1 + 4);
  }
});

test("predicted spurious cells are boxed, and held-out cells outlined, as many as there are", async () => {
  const drawn = async (id: string, preset: string) =>
    figureStructure(await svg(await figures.find((figure) => figure.id === id)!.draw(sourceOf(preset))));
  // j = 2x and j = 2y of the 22 pairs (0, y), y > 0.
  expect((await drawn("8", "standard")).marks).toEqual(["529 rect", "44 rect"]);
  expect(sessions.get("grokking")!.info.pairCounts.heldOut).toBe(39);
  expect((await drawn("15", "grokking")).marks).toEqual(["529 rect", "39 rect"]);
});

test("a snapshot that is not kept, a missing session and a wrong neuron are told with what is needed", async () => {
  const draw = (id: string, source: object) =>
    figures.find((figure) => figure.id === id)!.draw({ box, ...source });
  const session = sessions.get("standard")!;
  await expect(draw("3", { session, at: [123] })).rejects.toThrow(
    `figure 3 shows step 123, of which ${session.name} has no snapshot: it is at step ${end}, and kept are 0, ${end}`,
  );
  await expect(draw("3", {})).rejects.toThrow(new FigureError("figure 3 needs a session"));
  await expect(draw("2", { session, neuron: 512 })).rejects.toThrow("neuron must be 0 to 511; got 512");
  await using fresh = await box.start({ preset: "quad_random_sgd" });
  await expect(draw("10", { session: fresh })).rejects.toThrow("has 0 snapshots to show a race");
  await expect(draw("9", { session: fresh })).rejects.toThrow("has 0 snapshots to show over time");
});

test("any session can be drawn, of any modulus, whatever it is trained on", async () => {
  await using session = await box.start({
    modulus: 9,
    width: 16,
    activation: "x^2",
    task: "subtract",
    optimizer: "sgd",
  });
  await session.snapshot();
  await session.run({ untilStep: 20, snapshotAt: [5, 10, 20] }).finished;
  for (const figure of figures) {
    if (figure.preset === undefined) continue;
    const at = ["9", "10", "13b", "14"].includes(figure.id) ? undefined : [5, 20];
    const { warnings } = await rendered(await figure.draw({ box, session, at }));
    expect([figure.id, warnings]).toEqual([figure.id, []]);
  }
});

test("the worked example leaves no session behind", async () => {
  const names = async () => (await Array.fromAsync(box.sessions())).map(({ name }) => name);
  const before = await names();
  const drawing = await figures.find(({ id }) => id === "example")!.draw({ box });
  expect(await names()).toEqual(before);
  const { rows } = drawing.data as {
    rows: { role: string; residues: number[]; predicted: number; lowest: number; highest: number }[];
  };
  expect(rows.map(({ role, residues, predicted }) => [role, residues.length, predicted])).toEqual([
    ["correct", 1, 10.5],
    ["spurious", 2, 4.75],
    ["background", 20, -1],
  ]);
  for (const { predicted, lowest, highest } of rows) {
    expect(lowest).toBeCloseTo(predicted, 5);
    expect(highest).toBeCloseTo(predicted, 5);
  }
});

test("the package's README shows every figure", () => {
  const readme = readFileSync(join(import.meta.dirname, "../clients/figures/README.md"), "utf8");
  for (const { id, title } of figures) expect(readme).toContain(`| ${id} | ${title}`);
});
