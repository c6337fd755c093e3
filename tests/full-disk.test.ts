import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { Grokbox, GrokboxError } from "../sdk/src/mod.ts";
import type { RunningServer } from "../server/server.ts";
import { startTestServer } from "./testing/server.ts";

const disks: string[] = [];
const disk = mount();
let server: RunningServer;

/** A file system of a few MB; undefined where only root may make one. */
function mount(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "grokbox-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], { stdio: "ignore" });
    disks.push(folder);
    return folder;
  } catch {
    rmSync(folder, { recursive: true });
    return undefined;
  }
}

/** Takes all the space that is left, also where somebody else takes some of it meanwhile. */
function fill(folder: string): string {
  const filler = join(folder, "filler");
  const { bavail, bsize } = statfsSync(folder);
  try {
    writeFileSync(filler, Buffer.alloc(bavail * bsize, 1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
  return filler;
}

beforeAll(async () => {
  if (disk !== undefined) server = await startOnDisk();
});

afterAll(async () => {
  await server?.close();
  for (const folder of disks) {
    execFileSync("umount", [folder]);
    rmSync(folder, { recursive: true });
  }
});

const startOnDisk = () => startTestServer({ data: join(disk!, "data"), checkpointEveryMs: 100 });

async function alarmMetric(): Promise<number> {
  const text = await (await fetch(`http://${server.webAddress}/metrics`)).text();
  return Number(/^grokbox_store_alarm (\d)$/m.exec(text)![1]);
}

test.skipIf(disk === undefined)(
  "on a full disk training goes on, the last snapshot is intact, an alarm says so, and all is well when there is space",
  async () => {
    const filler = join(disk!, "filler");
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

test.skipIf(disk === undefined)(
  "that the store can't be written is one line of the log, that it can again another, and what is lost in the end a third and the exit code",
  async () => {
    const own = mount()!;
    const main = join(import.meta.dirname, "../server/main.ts");
    const args = ["--port", "0", "--engine", "cpu", "--checkpoint-every", "0.1"];
    const child = spawn(process.execPath, [main, ...args, "--data", own], {
      env: { ...process.env, GROKBOX_EPHEMERAL: "" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const lines: Record<string, unknown>[] = [];
    createInterface({ input: child.stderr }).on("line", (line) => lines.push(JSON.parse(line)));
    let address: string | undefined;
    for await (const line of createInterface({ input: child.stdout })) {
      address = /is ready on (\S+)/.exec(line)?.[1];
      if (address !== undefined) break;
    }
    child.stdout.resume();
    const exited = once(child, "exit");
    const box = await Grokbox.connect(address!);
    const session = await box.start({ modulus: 23, width: 64 });
    await session.run().started;

    const { name } = session;
    const cannot = {
      level: 50,
      msg: "the store can't be written",
      session: name,
      reason: expect.any(String),
    };
    const can = { level: 30, msg: "the store can be written again" };
    const filler = fill(own);
    await expect.poll(() => lines, { timeout: 20_000 }).toMatchObject([cannot]);
    // Some commits fail.
    await sleep(500);
    expect(lines).toMatchObject([cannot]);
    rmSync(filler);
    await expect.poll(() => lines, { timeout: 20_000 }).toMatchObject([cannot, can]);
    fill(own);
    await expect.poll(() => lines, { timeout: 20_000 }).toMatchObject([cannot, can, cannot]);
    await sleep(200);
    const { step } = await session.refresh();
    await box[Symbol.asyncDispose]();
    child.kill("SIGTERM");
    expect(await exited).toEqual([1, null]);
    const lost = lines.at(-1)!;
    expect(lines).toHaveLength(4);
    expect(lost).toMatchObject({ level: 50, session: name, reason: cannot.reason });
    expect(lost.step).toBeGreaterThanOrEqual(step);
    expect(lost.storedStep).toBeLessThan(step);
    expect(lost.msg).toBe(`could not be stored: at step ${lost.step}, stored at ${lost.storedStep}`);
  },
);
