import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, vi } from "vitest";
import { completeSpec } from "../../model/presets.ts";
import { storeFile } from "../../store/database.ts";
import { restoreBackup } from "../../store/doctor.ts";
import { type Commit, StoreError } from "../../store/store.ts";
import type { RunPlan } from "../plan.ts";
import type { Registry } from "../registry.ts";
import type { Session } from "../session.ts";
import { openTestRegistry, unrepeated } from "./registry.ts";

// For tests of what a session is after its server ended, in one way or another. Every registry and folder goes with its test.

export const never = new AbortController().signal;
export const recordEvery = 5;
export const plan: RunPlan = { stopWhen: [], snapshotAt: [], recordEvery, recordAt: [], untilStep: 60 };
const rarely = { checkpointEveryMs: 3_600_000 };
const folders: string[] = [];
export const open: Registry[] = [];

afterEach(async () => {
  for (const registry of open.splice(0)) {
    await registry.shutDown();
    await registry.close();
  }
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

export function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "grokbox-recovery-"));
  folders.push(made);
  return made;
}

export async function restored(directory: string, options = {}, resume = true): Promise<Registry> {
  // So many that none of a run is dropped before it is paused, however busy the machine is.
  const limits = { retainedProgressPoints: 100_000 };
  const registry = await openTestRegistry({ directory, threads: 1, limits, ...rarely, ...options });
  open.push(registry);
  await registry.restore({ resume });
  return registry;
}

/** What a server finds that starts after this one was killed now, with no commit under way. */
export async function crash(registry: Registry, options = {}): Promise<Registry> {
  const directory = folder();
  const { path } = registry.store;
  for (const suffix of ["", "-wal"])
    copyFileSync(`${path}${suffix}`, join(directory, `${storeFile}${suffix}`));
  return restored(directory, options);
}

/** What a server finds that starts on a backup made now. */
export async function backedUp(registry: Registry): Promise<Registry> {
  const directory = folder();
  const backup = join(directory, "backup.db");
  await registry.store.backup(backup);
  restoreBackup(backup, join(directory, "data"));
  return restored(join(directory, "data"));
}

export async function shut(registry: Registry): Promise<void> {
  open.splice(open.indexOf(registry), 1);
  await registry.shutDown();
  await registry.close();
}

export function start(
  registry: Registry,
  size = { modulus: 7, width: 16 },
  every = recordEvery,
): Promise<Session> {
  const spec = completeSpec(size, "grokking");
  return registry.start({ spec, preset: "grokking", labels: {}, engine: "", recordEvery: every });
}

export const advance = (session: Session, steps: number, receipt = unrepeated()) =>
  session.advanceBy({ steps, expectedStep: undefined, receipt }, never);

export async function atRest(session: Session): Promise<void> {
  while (session.isTraining) await session.log.changed(1_000, never);
}

export async function stepsOf(session: Session): Promise<number[]> {
  return session.withLog((log) => log.read(1, 100_000).map(({ step }) => step));
}

export const norm = { kind: "threshold", measure: "parameterNorm", comparison: ">=", value: 0 } as const;
export const keep = { kind: "snapshot", label: "" } as const;
export const far = { ...plan, untilStep: 10_000_000 };

/** Fails all commits that `fails` says, as a full disk does, until the store is closed. */
export function fillUp({ store }: Registry, fails: (unit: Commit) => boolean): void {
  const commit = store.commit.bind(store);
  vi.spyOn(store, "commit").mockImplementation((unit, transfer) =>
    fails(unit) ? Promise.reject(new StoreError("FULL", "the disk is full")) : commit(unit, transfer),
  );
}

export const hasState = ({ putHeads = [], putSnapshots = [] }: Commit) =>
  putHeads.length + putSnapshots.length > 0;
