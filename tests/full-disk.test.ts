import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Grokbox, GrokboxError } from "../sdk/src/mod.ts";
import type { RunningServer } from "../server/server.ts";
import { startTestServer } from "./testing/server.ts";

const disk = mkdtempSync(join(tmpdir(), "grokbox-disk-"));
const isMounted = mount();
let server: RunningServer;

/** A file system of a few MB; false where only root may make one. */
function mount(): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

beforeAll(async () => {
  if (isMounted) server = await startOnDisk();
});

afterAll(async () => {
  await server?.close();
  if (isMounted) execFileSync("umount", [disk]);
  rmSync(disk, { recursive: true, force: true });
});

const startOnDisk = () => startTestServer({ data: join(disk, "data"), checkpointEveryMs: 100 });

async function alarmMetric(): Promise<number> {
  const text = await (await fetch(`http://${server.webAddress}/metrics`)).text();
  return Number(/^grokbox_store_alarm (\d)$/m.exec(text)![1]);
}

test.skipIf(!isMounted)(
  "on a full disk training goes on, the last snapshot is intact, an alarm says so, and all is well when there is space",
  async () => {
    const filler = join(disk, "filler");
    writeFileSync(filler, Buffer.alloc(3 * 2 ** 20, 1));
    const box = await Grokbox.connect(server.address);
    const session = await box.start({ preset: "standard" });
    let last = -1;
    let refused: unknown;
    for (let i = 0; i < 60 && refused === undefined; i++) {
      await session.step(1);
      try {
        last = (await session.snapshot()).step;
      } catch (error) {
        refused = error;
      }
    }
    expect(refused).toBeInstanceOf(GrokboxError);
    expect(refused).toMatchObject({ code: "RESOURCE_EXHAUSTED", reason: "STORAGE_FULL" });
    expect(last).toBeGreaterThan(0);
    expect((await session.download({ at: last })).step).toBe(last);

    await session.run().started;
    const before = (await session.refresh()).step;
    await sleep(1_000);
    const during = await session.refresh();
    expect(during.step).toBeGreaterThan(before);
    expect(during.state).toBe("running");
    expect(during.durability!.alarm).toContain("could not be stored");
    expect(during.durability!.committedStep).toBeLessThan(during.step);
    expect(await alarmMetric()).toBe(1);
    expect((await box.info()).storage!.alarm).not.toBe("");
    await expect(box.start({ preset: "standard" })).rejects.toMatchObject({ reason: "STORAGE_FULL" });

    rmSync(filler);
    for (let i = 0; i < 100 && (await alarmMetric()) === 1; i++) await sleep(100);
    expect(await alarmMetric()).toBe(0);
    const after = await session.refresh();
    expect(after.durability).toMatchObject({ alarm: "" });
    expect(after.durability!.committedStep).toBeGreaterThan(last);
    const { step } = await session.pause();
    const { name } = session;
    await box[Symbol.asyncDispose]();

    await server.close();
    server = await startOnDisk();
    await using again = await Grokbox.connect(server.address);
    await using back = await again.session(name);
    expect((await back.refresh()).step).toBe(step);
    expect((await back.download({ at: last })).step).toBe(last);
  },
);
