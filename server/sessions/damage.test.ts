import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { completeSpec } from "../model/presets.ts";
import { openTestRegistry, unrepeated } from "./testing/registry.ts";

const never = new AbortController().signal;

test("a flipped byte of a snapshot is found when it is read, by session and step, and all others are as they were", async () => {
  const directory = mkdtempSync(join(tmpdir(), "grokbox-damage-"));
  try {
    let registry = await openTestRegistry({ directory, threads: 1 });
    const spec = completeSpec({ modulus: 7, width: 16 }, "grokking");
    const session = await registry.start({ spec, preset: "", labels: {}, engine: "", recordEvery: 100 });
    for (const step of [10, 20, 30]) {
      await session.advanceBy({ steps: 10, expectedStep: undefined, receipt: unrepeated() }, never);
      await session.snapshot({ expectedStep: step, label: "" }, never);
    }
    const { name } = session;
    const good = await session.readSnapshot(30);
    await registry.shutDown();
    await registry.close();

    flipArrayByte(join(directory, "grokbox.db"), session.id, 20);

    registry = await openTestRegistry({ directory, threads: 1 });
    expect(await registry.restore({ resume: true })).toEqual([]);
    const again = registry.get(name);
    await expect(again.readSnapshot(20)).rejects.toMatchObject({
      reason: "SNAPSHOT_CORRUPT",
      metadata: { session: name, step: "20" },
    });
    await expect(
      registry.fork(again, 20, { changes: unchanged, labels: {}, engine: "" }),
    ).rejects.toMatchObject({
      reason: "SNAPSHOT_CORRUPT",
    });
    expect((await again.readSnapshot(10)).state.step).toBe(10);
    expect((await again.readSnapshot(30)).state).toEqual(good.state);
    await again.advanceBy({ steps: 5, expectedStep: 30, receipt: unrepeated() }, never);
    await registry.shutDown();
    await registry.close();
  } finally {
    rmSync(directory, { recursive: true });
  }
});

const unchanged = { spec: {}, removeFrequencies: [], keepFrequencies: [] };

/** Changes one byte in the middle of a snapshot's arrays, behind the store's back. */
function flipArrayByte(file: string, session: string, step: number): void {
  const db = new DatabaseSync(file);
  const { content } = db
    .prepare("SELECT content FROM snapshots WHERE session = ? AND step = ?")
    .get(session, step) as { content: number };
  const { data } = db.prepare("SELECT data FROM arrays WHERE content = ? AND position = 1").get(content) as {
    data: Uint8Array;
  };
  const damaged = data.slice();
  damaged[Math.floor(damaged.length / 2)]! ^= 1;
  db.prepare("UPDATE arrays SET data = ? WHERE content = ? AND position = 1").run(damaged, content);
  db.close();
}
