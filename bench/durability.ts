import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Grokbox, type Session } from "../sdk/src/mod.ts";
import { completeSpec } from "../server/model/presets.ts";
import { arrays, type SnapshotMeta } from "../server/sessions/snapshot.ts";
import { openTestRegistry } from "../server/sessions/testing/registry.ts";
import { openStore, type SessionRow, type StateInput } from "../server/store/store.ts";
import { startServerProcess } from "./server-process.ts";
import { median, quantile } from "./statistics.ts";

/** What it costs to lose nothing. */
export interface DurabilitySpeed {
  readonly sessions: number;
  readonly snapshots: number;
  /** From starting the process until it says that it is ready, seconds; median. */
  readonly startSeconds: number;
  /** A page of 100 sessions at the client, milliseconds. */
  readonly listP50Ms: number;
  readonly listP99Ms: number;
  /** Steps a second of 8 running sessions, each checkpointed every second, over those without checkpoints; median of rounds. */
  readonly checkpointedRatio: number;
}

const sessions = 1_000;
const snapshotsEach = 10;
const running = 8;
const never = new AbortController().signal;

export async function measureDurability(rounds: number): Promise<DurabilitySpeed> {
  const directory = await mkdtemp(join(tmpdir(), "grokbox-bench-"));
  try {
    await fill(directory);
    const starts: number[] = [];
    const pages: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const began = performance.now();
      const { child, address } = await startServerProcess("--data", directory);
      starts.push((performance.now() - began) / 1000);
      await using box = await Grokbox.connect(address);
      for (let i = 0; i < 25; i++) pages.push(await listMs(box));
      await ended(child);
    }
    return {
      sessions,
      snapshots: sessions * snapshotsEach,
      startSeconds: median(starts),
      listP50Ms: quantile(pages, 0.5),
      listP99Ms: quantile(pages, 0.99),
      checkpointedRatio: await checkpointed(rounds),
    };
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** A store of that many sessions: one that was trained a little, many times. */
async function fill(directory: string): Promise<void> {
  const registry = await openTestRegistry();
  const spec = completeSpec({}, "grokking");
  const start = { spec, preset: "grokking", labels: { of: "bench" }, engine: "", recordEvery: 100 };
  const session = await registry.start(start);
  const { state, train } = await session.present(undefined, never);
  const head = session.keeper.committed!;
  const { latest: _, ...rest } = head;
  const meta: SnapshotMeta = { head: rest, preset: "grokking", label: "" };
  const template = session.row(head, undefined);
  await registry.shutDown();
  await registry.close();
  const store = await openStore({ directory, holder: "the benchmark" });
  for (let i = 0; i < sessions; i++) {
    const id = i.toString(16).padStart(12, "0");
    const input = (step: number): StateInput => ({
      session: id,
      step,
      meta: { ...meta, head: { ...rest, step } },
      arrays: arrays(state).map(({ name, data }) => ({ name, data, shape: [spec.width, spec.modulus] })),
      train,
      createTimeMs: Date.now(),
      kind: "requested",
      pinned: false,
    });
    await store.commit({
      putSessions: [cloned(template, id, i + 1)],
      putHeads: [input(0)],
      putSnapshots: Array.from({ length: snapshotsEach }, (_, k) => input(100 * (k + 1))),
    });
  }
  await store.close();
}

function cloned(row: SessionRow, id: string, ordinal: number): SessionRow {
  const body = structuredClone(row.body) as { identity: { name: string; ordinal: number } };
  Object.assign(body.identity, { name: `sessions/${id}`, ordinal });
  return { ...row, id, ordinal, body };
}

async function listMs(box: Grokbox): Promise<number> {
  const began = performance.now();
  let count = 0;
  for await (const _ of box.sessions({ pageSize: 100 })) if (++count === 100) break;
  return performance.now() - began;
}

/** Speed with checkpoints over speed without, of eight sessions that train side by side. */
async function checkpointed(rounds: number): Promise<number> {
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const without = await aggregateSpeed("--checkpoint-every", "3600");
    ratios.push((await aggregateSpeed("--checkpoint-every", "1")) / without);
  }
  return median(ratios);
}

async function aggregateSpeed(...flags: readonly string[]): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), "grokbox-bench-"));
  const { child, address } = await startServerProcess("--data", directory, ...flags);
  try {
    await using box = await Grokbox.connect(address);
    const all: Session[] = [];
    for (let seed = 0; seed < running; seed++) all.push(await box.start({ preset: "grokking", seed }));
    for (const session of all) await session.run().started;
    await sleep(1_000);
    const steps = async () => {
      const infos = await Promise.all(all.map((session) => session.refresh()));
      return infos.reduce((sum, { step }) => sum + step, 0);
    };
    const [from, began] = [await steps(), performance.now()];
    await sleep(5_000);
    return (((await steps()) - from) * 1000) / (performance.now() - began);
  } finally {
    await ended(child);
    await rm(directory, { recursive: true });
  }
}

async function ended(child: Awaited<ReturnType<typeof startServerProcess>>["child"]): Promise<void> {
  const exit = new Promise((resolve) => child.once("exit", resolve));
  child.kill();
  await exit;
}
