import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { definition, ended, openBox, start } from "./testing/sweeps.ts";
import { watchSweep } from "./watch.ts";

const never = new AbortController().signal;

test("a watcher is told of every run that is whole, though among them are damaged ones, or more than a message has", async () => {
  const directory = mkdtempSync(join(tmpdir(), "grokbox-watch-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const box = await openBox({ directory });
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
