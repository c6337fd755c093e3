import { expect, test } from "vitest";
import { catalogue } from "./catalogue.ts";
import { Measurements } from "./measurements.ts";
import type { Published } from "./published.ts";
import { results, tally } from "./results.ts";
import { runNames, runSteps } from "./runs.ts";
import { isWithin, roundingOf, type Tolerance } from "./tolerance.ts";

const all = catalogue(23);
const whole = { published: true, steps: runSteps, skipped: [] };

function measured(of: (published: Published) => number): Measurements {
  const measurements = new Measurements();
  for (const published of all)
    measurements.add(published.of, published.where, { [published.measure]: of(published) });
  return measurements;
}

test("no two numbers have the same id", () => {
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
});

test("what is published is within its own tolerance", () => {
  const lines = results(
    all,
    measured(({ value }) => Number(value)),
    whole,
  );
  expect(lines.filter(({ pass }) => pass === false)).toEqual([]);
  expect(tally(lines).passed).toBeGreaterThan(340);
});

/** The closest values that a tolerance doesn't allow. */
function outside({ value, tolerance }: { readonly value: string; readonly tolerance: Tolerance }): number[] {
  const published = Number(value);
  const beyond = (distance: number) => [published - 1.001 * distance, published + 1.001 * distance];
  switch (tolerance.kind) {
    case "none":
      return [];
    case "range":
      return [tolerance.least - 1e-9, tolerance.most + 1e-9];
    case "relative":
      return beyond(tolerance.share * Math.abs(published) + roundingOf(value));
    case "absolute":
      return beyond(tolerance.difference + roundingOf(value));
    case "exact":
      return beyond(roundingOf(value));
  }
}

test("every number can fail, on both sides and when it was not measured; only costs are held to nothing", () => {
  const free = all.filter(({ tolerance, value }) => tolerance.kind === "none" || value === "");
  expect(new Set(free.map(({ of, value }) => (value === "" ? `${of}, nothing published` : of)))).toEqual(
    new Set(["cost", "grokking, nothing published"]),
  );
  const held = all.filter((published) => !free.includes(published));
  for (const published of held) {
    const limits = outside(published);
    expect(limits).toHaveLength(2);
    for (const limit of limits) {
      expect(isWithin(limit, published.value, published.tolerance), `${published.id} at ${limit}`).toBe(
        false,
      );
    }
  }
  const unmeasured = results(all, new Measurements(), whole);
  expect(unmeasured.filter(({ pass }) => pass === false).map(({ id }) => id)).toEqual(
    held.map(({ id }) => id),
  );
});

test("another p or seed has measured values alone, but for what needs no training or is set", () => {
  const lines = results(
    all,
    measured(() => 1e9),
    { ...whole, published: false },
  );
  const compared = lines.filter(({ expected }) => expected !== null);
  expect(new Set(compared.map(({ of }) => of))).toEqual(
    new Set([
      ...runNames,
      "width",
      "worked example",
      "flow",
      "contour",
      "ideal network",
      "pure cosine",
      "cost",
      "demo",
    ]),
  );
  expect(
    compared.filter(({ of, where }) => (runNames as readonly string[]).includes(of) && where !== "spec"),
  ).toEqual([]);
  expect(lines.every(({ measured }) => measured === 1e9)).toBe(true);
});

test("a run that stops early misses nothing that comes later, and neither does one that was left out", () => {
  const { grokking: _, ...made } = runSteps;
  const lines = results(all, new Measurements(), {
    published: true,
    steps: { ...made, standard: 1_000 },
    skipped: ["grokking"],
  });
  const missed = lines.filter(({ pass }) => pass === false);
  expect(missed.filter(({ of }) => of === "grokking")).toEqual([]);
  const ofStandard = missed.filter(({ of, where }) => of === "standard" && where !== "spec");
  expect(new Set(ofStandard.map(({ where }) => where))).toEqual(new Set(["step 0", "step 500", "step 1000"]));
});

test("every frequency of another p has its count of neurons", () => {
  const counts = catalogue(31).filter(({ measure }) => measure.startsWith("neurons of frequency"));
  expect(counts.map(({ value }) => value === "")).toEqual([...Array(11).fill(false), ...Array(4).fill(true)]);
});

test("a tolerance that is not published has its reason", () => {
  const own = all.filter(({ because }) => because !== undefined);
  expect(own.length).toBeGreaterThan(50);
  for (const { because } of own) expect(because!.length).toBeGreaterThan(15);
});
