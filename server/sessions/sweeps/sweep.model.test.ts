import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { storeFile } from "../../store/database.ts";
import type { GrokboxError } from "../errors.ts";
import { type SweepState, sweepTransitions } from "./state.ts";
import { type Box, definition, ended, openBox, results, start } from "./testing/sweeps.ts";

// Whatever is done to a sweep, and whenever its server ends, its runs come out as those of one that nobody touched.

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "grokbox-sweeps-"));
  folders.push(made);
  return made;
}

const options = (directory: string) => ({ directory, checkpointEveryMs: 20 });

/** What a server finds that starts after this one was killed now. */
function crashed({ registry }: Box): string {
  const directory = folder();
  for (const suffix of ["", "-wal"])
    copyFileSync(`${registry.store.path}${suffix}`, join(directory, `${storeFile}${suffix}`));
  return directory;
}

const what = definition({
  seeds: [1, 2],
  maxParallel: 3,
  plan: {
    ...definition().plan,
    untilStep: 4_000,
    recordEvery: 50,
    stopWhen: [
      { kind: "threshold", measure: "testLoss", comparison: ">=", value: 2.26, forRecorded: 15 },
      { kind: "plateau", windowSteps: 3_900, lossDelta: 1e-9, accuracyDelta: 0.5 },
    ],
  },
});

type Action = "pause" | "resume" | "cancel" | "crash" | "restart" | "wait";
const actions = fc.array(
  fc.tuple(
    fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom<Action>("pause", "resume", "crash", "restart", "wait") },
      { weight: 1, arbitrary: fc.constant<Action>("cancel") },
    ),
    fc.nat(25),
  ),
  { minLength: 3, maxLength: 12 },
);

test("pauses, crashes and restarts leave no trace in any run", { timeout: 240_000 }, async () => {
  const calm = await openBox();
  const straight = await start(calm, what);
  await ended(straight);
  const expected = await results(calm, straight);
  expect(new Set(expected.map(({ outcome }) => outcome))).toContain("condition");
  await calm.close();

  await fc.assert(
    fc.asyncProperty(actions, async (list) => {
      let box = await openBox(options(folder()));
      const { name } = await start(box, what);
      const sweep = () => box.sweeps.get(name);
      try {
        for (const [action, ms] of list) {
          await new Promise((resolve) => setTimeout(resolve, ms));
          if (action === "wait") continue;
          if (action === "crash" || action === "restart") {
            const directory = action === "crash" ? crashed(box) : undefined;
            const { path } = box.registry.store;
            await box.close();
            box = await openBox(options(directory ?? join(path!, "..")));
            continue;
          }
          const before: SweepState = sweep().state;
          const after = sweepTransitions[before][action];
          try {
            await sweep()[action]();
            // It may have finished meanwhile.
            expect([after, "finished"]).toContain(sweep().state);
          } catch (error) {
            expect((error as GrokboxError).reason).toBe("SWEEP_STATE");
            expect(after === undefined || sweep().state === "finished").toBe(true);
          }
        }
        if (sweep().state === "paused") await sweep().resume();
        await ended(sweep());
        const found = await results(box, sweep());
        if (sweep().state === "cancelled") {
          const kept = new Set(found.map(({ run }) => run));
          expect(found).toEqual(expected.filter(({ run }) => kept.has(run)));
        } else expect(found).toEqual(expected);
        expect([...box.registry.all()]).toEqual([]);
      } finally {
        await box.close();
      }
    }),
    { numRuns: process.env.LONG_TESTS ? 30 : 8, endOnFailure: true },
  );
});

test("a server that is told to stay paused pauses its sweeps", async () => {
  const directory = folder();
  const box = await openBox(options(directory));
  const { name } = await start(box, {
    ...what,
    plan: { ...what.plan, untilStep: 400_000, recordEvery: 5_000 },
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  await box.close();
  const { openTestRegistry } = await import("../testing/registry.ts");
  const { Sweeps } = await import("./sweeps.ts");
  const registry = await openTestRegistry({ ...options(directory), threads: 1 });
  const sweeps = new Sweeps(registry, (error) => {
    throw error;
  });
  await registry.restore({ resume: false });
  await sweeps.restore({ resume: false });
  const sweep = sweeps.get(name);
  expect(sweep.state).toBe("paused");
  expect([...registry.all()].map(({ isTraining }) => isTraining)).toEqual([false, false, false]);
  sweeps.stop();
  await registry.shutDown();
  await sweeps.shutDown();
  await registry.close();
});
