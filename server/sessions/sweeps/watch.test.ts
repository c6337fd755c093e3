import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Sweep } from "./sweep.ts";
import { type Box, definition, ended, openBox, start } from "./testing/sweeps.ts";
import { watchSweep } from "./watch.ts";

const never = new AbortController().signal;

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "grokbox-watch-"));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

/** Watches from the first run on; what was told, and how the sweep was at the end of it. */
function watch({ sweeps }: Box, sweep: Sweep) {
  const runs: number[] = [];
  const told = { runs, end: "", done: 0, active: 0 };
  const read = async () => {
    for await (const event of watchSweep(sweeps, sweep, 1, never)) {
      if (event.kind === "runs") runs.push(...event.rows.map(({ run }) => run));
      if (event.kind !== "end") continue;
      Object.assign(told, { end: event.reason, done: sweep.ledger.done, active: sweep.active.length });
    }
    return told;
  };
  return { told, whole: read() };
}

test("a watcher of a cancelled sweep is told of every run, also of those that were being summarized", async () => {
  const box = await openBox();
  onTestFinished(() => box.close());
  const summarizing = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  onTestFinished(() => goOn.resolve());
  const run = box.sweeps.analyst.run.bind(box.sweeps.analyst);
  vi.spyOn(box.sweeps.analyst, "run").mockImplementation(async (...what) => {
    summarizing.resolve();
    await goOn.promise;
    return Reflect.apply(run, undefined, what);
  });
  const sweep = await start(box, definition());
  const { told, whole } = watch(box, sweep);
  await summarizing.promise;
  const cancelling = sweep.cancel();
  await expect.poll(() => sweep.state).toBe("cancelled");
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(told.end).toBe("");
  goOn.resolve();
  await cancelling;
  const { runs, ...end } = await whole;
  const { rows } = await box.registry.store.readSweepRuns(sweep.id, 1, 100);
  expect(rows.length).toBeGreaterThan(0);
  expect(runs).toEqual(rows.map(({ run }) => run));
  expect(end).toEqual({ end: "cancelled", done: rows.length, active: 0 });
});

test("a watcher of a cancelled sweep is told of the end though its sessions can't be removed, and after a restart", async () => {
  const directory = folder();
  const box = await openBox({ directory });
  const plan = { ...definition().plan, untilStep: 1_000_000, recordEvery: 10_000 };
  const sweep = await start(box, definition({ plan }));
  await expect.poll(() => sweep.active.length).toBe(4);
  const { told } = watch(box, sweep);
  vi.spyOn(box.registry, "delete").mockRejectedValue(new Error("a defect"));
  await expect(sweep.cancel()).rejects.toThrow("a defect");
  await expect.poll(() => told.end).toBe("cancelled");
  await box.close();
  const again = await openBox({ directory });
  onTestFinished(() => again.close());
  const later = watch(again, again.sweeps.get(sweep.name)).told;
  await expect.poll(() => later).toEqual({ runs: [], end: "cancelled", done: 0, active: 0 });
});

test("a watcher is told of every run that is whole, though among them are damaged ones, or more than a message has", async () => {
  const box = await openBox({ directory: folder() });
  onTestFinished(() => box.close());
  const seeds = Array.from({ length: 100 }, (_, i) => i);
  const sweep = await start(
    box,
    definition({ axes: [], seeds, plan: { ...definition().plan, untilStep: 1 } }),
  );
  await ended(sweep);
  const wholeSequences = async (from: number) => {
    const sequences: number[] = [];
    for await (const event of watchSweep(box.sweeps, sweep, from, never)) {
      if (event.kind === "runs") sequences.push(...event.rows.map(({ sequence }) => sequence));
    }
    return sequences;
  };
  const all = Array.from({ length: 100 }, (_, i) => i + 1);
  expect(await wholeSequences(1)).toEqual(all);
  const db = new DatabaseSync(box.registry.store.path!);
  onTestFinished(() => db.close());
  db.exec("UPDATE sweep_runs SET steps = 7 WHERE sequence IN (3, 100)");
  expect(await wholeSequences(1)).toEqual(all.filter((sequence) => sequence !== 3 && sequence !== 100));
  db.exec("UPDATE sweep_runs SET steps = 7 WHERE sequence BETWEEN 2 AND 70");
  expect(await wholeSequences(2)).toEqual(all.slice(70, -1));
});
