import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FigureError, figures, png, svg } from "../clients/figures/mod.ts";
import { rendered } from "../clients/figures/render/svg.ts";
import { Grokbox, type ProgressPoint, type Session } from "../sdk/src/mod.ts";
import type { RunningServer } from "../server/server.ts";
import { figureStructure, structureText } from "./testing/figure-structure.ts";
import { startTestServer } from "./testing/server.ts";

/** Far enough for something to be seen; the paper's length is drawn by `npm run paper`. */
const end = 300;
let server: RunningServer;
let box: Grokbox;
const sessions = new Map<string, Session>();

beforeAll(async () => {
  server = await startTestServer();
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
  const earlier = await figures.find(({ id }) => id === "14")!.draw({ box, session, at: [300] });
  expect(earlier.data).toMatchObject({ memorizationEnd: stages?.memorizationEnd, generalizationEnd: null });
  const text = await svg(drawing);
  for (const stage of ["memorization", "generalization", "cleanup"]) {
    expect(text.split(`>${stage}<`)).toHaveLength(1 + 4);
  }
});

test("measures that few points carry are drawn at all of these, however many there are without", async () => {
  await using session = await box.start({
    ...{ modulus: 7, width: 16, recordEvery: 1 },
    measures: [
      { measure: "ipr", every: 7 },
      { measure: "meanAbsSinMisalignment", every: 10 },
    ],
  });
  await session.run({ untilStep: 3_000 }).finished;
  const { data } = await figures.find(({ id }) => id === "14")!.draw({ box, session });
  const { points } = data as { points: Pick<ProgressPoint, "step" | "ipr" | "meanAbsSinMisalignment">[] };
  const stepsWith = (key: "ipr" | "meanAbsSinMisalignment") =>
    points.filter((point) => point[key] !== undefined).map(({ step }) => step);
  const multiples = (every: number) =>
    Array.from({ length: 1 + Math.floor(3_000 / every) }, (_, i) => i * every);
  expect(stepsWith("ipr")).toEqual(multiples(7));
  expect(stepsWith("meanAbsSinMisalignment")).toEqual(multiples(10));
  expect(points.length).toBeLessThan(1_600);
  await session.delete();
});

test("predicted spurious cells are boxed, and held-out cells outlined, as many as there are", async () => {
  const drawn = async (id: string, preset: string) =>
    figureStructure(await svg(await figures.find((figure) => figure.id === id)!.draw(sourceOf(preset))));
  // j = 2x and j = 2y of the 22 pairs (0, y), y > 0.
  expect((await drawn("8", "standard")).marks).toEqual(["529 rect", "44 rect"]);
  expect(sessions.get("grokking")!.info.pairCounts.heldOut).toBe(39);
  expect((await drawn("15", "grokking")).marks).toEqual(["529 rect", "39 rect"]);
});

test("logits of a task other than addition have no boxes and no diagonal of truth", async () => {
  await using session = await box.start({ modulus: 9, width: 16, task: "subtract" });
  const drawing = await figures.find(({ id }) => id === "8")!.draw({ box, session });
  const named = expect.stringContaining(", subtract, p = 9,");
  expect(drawing.data).toMatchObject({ session: named, task: "subtract", levels: null });
  const text = await svg(drawing);
  expect(figureStructure(text).marks).toEqual(["81 rect"]);
  expect(text).toContain("trained weights, nothing retrained");
  expect(text).not.toMatch(/Boxed|diagonal/);
});

test("a snapshot that is not kept, a missing session and a wrong neuron are told with what is needed", async () => {
  const draw = (id: string, source: object) =>
    figures.find((figure) => figure.id === id)!.draw({ box, ...source });
  const session = sessions.get("standard")!;
  await expect(draw("3", { session, at: [123] })).rejects.toThrow(
    `figure 3 shows step 123, of which ${session.name} has no snapshot: it is at step ${end}, and kept are 0, ${end}`,
  );
  await expect(draw("3", { session, at: [123] })).rejects.toMatchObject({ kind: "not-found" });
  await expect(draw("3", { session, at: [301] })).rejects.toMatchObject({ kind: "not-found" });
  await expect(draw("3", { session, at: [1.5] })).rejects.toMatchObject({ kind: "invalid" });
  await expect(draw("3", {})).rejects.toThrow(new FigureError("figure 3 needs a session", "invalid"));
  await expect(draw("5", { session, at: [0, 100] })).rejects.toThrow("figure 5 shows one step; got 0, 100");
  await expect(draw("14", { session, at: [301] })).rejects.toMatchObject({
    kind: "invalid",
    message: expect.stringContaining("can show steps 0 to 300, where the session is"),
  });
  await expect(draw("2", { session, neuron: 512 })).rejects.toThrow("neuron must be 0 to 511; got 512");
});

test("what is not there yet is told with what to do, as other snapshots that are not kept", async () => {
  const draw = (id: string, session: Session, at?: readonly number[]) =>
    figures.find((figure) => figure.id === id)!.draw({ box, session, at });
  await using fresh = await box.start({ preset: "quad_random_sgd" });
  const refusal = (kind: string, words: string) => ({ kind, message: expect.stringContaining(words) });
  await expect(draw("10", fresh)).rejects.toMatchObject(refusal("not-found", "0 snapshots to show a race"));
  await expect(draw("9", fresh)).rejects.toMatchObject(refusal("not-found", "0 snapshots to show over time"));
  await expect(draw("14", fresh)).rejects.toMatchObject(refusal("state", "has recorded 1 step; train it"));
  await fresh.step(4);
  const none = `${fresh.name} has no snapshot: it is at step 4, and none is kept. Choose other steps`;
  const before = "of step 0 one is kept before a session trains: grokbox snapshot ID";
  await expect(draw("17", fresh, [2])).rejects.toThrow(
    `figure 17 shows step 2, of which ${none}, or keep snapshots while it trains`,
  );
  await expect(draw("13a", fresh)).rejects.toMatchObject(
    refusal("not-found", `figure 13a shows step 0, of which ${none}; ${before}`),
  );
  await expect(draw("17", fresh)).rejects.toThrow(
    `figure 17 shows steps 0, 1, of which ${none}, or keep snapshots while it trains; ${before}`,
  );
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
    const at = figure.steps.length > 1 ? [20, 5, 5] : [10];
    const drawing = await figure.draw({ box, session, at });
    expect(drawing.steps).toEqual(at.length > 1 ? [5, 20] : [10]);
    expect([figure.id, (await rendered(drawing)).warnings]).toEqual([figure.id, []]);
  }
});

test("the least modulus and network are drawn as well", async () => {
  await using session = await box.start({ modulus: 3, width: 8, optimizer: "sgd" });
  await session.snapshot();
  const snapshotAt = Array.from({ length: 20 }, (_, i) => i + 1);
  await session.run({ untilStep: 20, snapshotAt }).finished;
  for (const figure of figures) {
    if (figure.preset === undefined) continue;
    const { svg: text, warnings } = await rendered(await figure.draw({ box, session }));
    expect([figure.id, warnings]).toEqual([figure.id, []]);
    expect(text).not.toMatch(/NaN|undefined/);
  }
});

test("where the flow ends is finite whatever the modulus, and at p = 23 the published contour", async () => {
  const contour = async (source: object) =>
    (await figures.find(({ id }) => id === "11")!.draw({ box, ...source })).data as {
      timeStep: number;
      beta: number[][];
    };
  await using session = await box.start({ modulus: 97, width: 8 });
  const wide = await contour({ session });
  expect(wide.beta.flat().every(Number.isFinite)).toBe(true);
  expect(Math.max(...wide.beta.flat())).toBeLessThan(0.1);
  const { timeStep, beta } = await contour({});
  expect(timeStep).toBe(0.01);
  expect([beta[0]![0]!.toFixed(6), beta[29]![0]!.toFixed(6)]).toEqual(["0.013967", "0.060207"]);
});

test("a session that trains is drawn as it was at one step, and goes on with the snapshots that it had", async () => {
  await using session = await box.start({ preset: "standard" });
  const run = session.run();
  await run.started;
  for (const id of ["5", "swap", "2"]) {
    const drawing = await figures.find((figure) => figure.id === id)!.draw({ box, session });
    expect(drawing.data).toMatchObject({ step: drawing.steps[0] });
  }
  expect(await Array.fromAsync(session.snapshots())).toEqual([]);
  expect((await session.pause()).step).toBeGreaterThan(0);
});

test("a race and its winner are of the step that is asked for", async () => {
  const session = sessions.get("quad_random_sgd")!;
  const step = 3;
  const { dominantFrequency } = await session.spectrum({ at: step });
  for (const neuron of [0, 1, 2, 3, 4, 5, 6, 7]) {
    const { data } = await figures.find(({ id }) => id === "10")!.draw({ box, session, at: [step], neuron });
    expect(data).toMatchObject({ neuron, winner: dominantFrequency.data[neuron] });
  }
});

test("angles over time are those of one turn: 2 phi - psi is D, and the flow begins where the neuron does", async () => {
  const session = sessions.get("quad_single_freq")!;
  type Moments = readonly { step: number; phi: number; psi: number; misalignment: number }[];
  for (const neuron of [1, 5, 12, 117]) {
    const { data } = await figures.find(({ id }) => id === "9")!.draw({ box, session, neuron });
    const { actual, predicted } = data as { actual: Moments; predicted: Moments };
    expect(predicted.length).toBe(actual.length - 1);
    for (const { phi, psi, misalignment } of [...actual, ...predicted]) {
      expect(2 * phi - psi).toBeCloseTo(misalignment, 9);
      expect(Math.abs(misalignment)).toBeLessThan(Math.PI + 0.1);
    }
    expect(Math.abs(predicted[0]!.psi - actual[1]!.psi)).toBeLessThan(0.01);
  }
});

test("the flow is not laid over what it isn't of", async () => {
  const spec = { modulus: 9, width: 16, activation: "x^2", optimizer: "sgd" } as const;
  const drawn = async (session: Session) => {
    await session.run({ untilStep: 20, snapshotAt: [10, 20] }).finished;
    return (await figures.find(({ id }) => id === "9")!.draw({ box, session })).data as {
      predicted: unknown[];
    };
  };
  await using adds = await box.start(spec);
  expect((await drawn(adds)).predicted).toHaveLength(1);
  await using other = await box.start({ ...spec, task: "subtract" });
  expect((await drawn(other)).predicted).toEqual([]);
  await using hastened = await box.start({ ...spec, grokfast: {} });
  expect((await drawn(hastened)).predicted).toEqual([]);
  await using embedded = await box.start({ ...spec, embedding: { dimension: 8 } });
  expect((await drawn(embedded)).predicted).toEqual([]);
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
