import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Grokbox } from "../sdk/src/mod.ts";
import type { RunningServer } from "../server/server.ts";
import { startTestServer } from "./testing/server.ts";

const main = join(import.meta.dirname, "../server/main.ts");
const folder = mkdtempSync(join(tmpdir(), "grokbox-maintenance-"));
const data = join(folder, "data");
const backup = join(folder, "backup.db");
let server: RunningServer;
let name: string;

beforeAll(async () => {
  server = await startTestServer({ data });
  await using box = await Grokbox.connect(server.address);
  await using session = await box.start({ modulus: 7, width: 16, labels: { of: "the test" } });
  name = session.name;
  for (let i = 0; i < 3; i++) {
    await session.step(10);
    await session.snapshot();
  }
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

async function grokboxServer(...argv: readonly string[]) {
  const env = { ...process.env, GROKBOX_EPHEMERAL: "" };
  const child = spawn(process.execPath, [main, ...argv], { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (text) => {
      output += text;
    });
  }
  const [code] = await once(child, "close");
  return { code, output };
}

test("a second server on the same data refuses to start and says who holds it", async () => {
  const { code, output } = await grokboxServer("--port", "0", "--data", data);
  expect(code).toBe(1);
  expect(output).toContain(`process ${process.pid}`);
});

test("a backup of a running server, restored elsewhere, has its sessions; a folder with a store is left alone", async () => {
  expect(await grokboxServer("backup", backup, "--data", data)).toMatchObject({ code: 0 });
  const again = await grokboxServer("backup", backup, "--data", data);
  expect(again.code).toBe(1);
  expect(again.output).toContain(backup);
  const elsewhere = join(folder, "elsewhere");
  expect(await grokboxServer("restore-backup", backup, "--data", elsewhere)).toMatchObject({ code: 0 });
  expect(await grokboxServer("restore-backup", backup, "--data", elsewhere)).toMatchObject({ code: 1 });
  expect(await grokboxServer("restore-backup", backup, "--data", elsewhere, "--replace")).toMatchObject({
    code: 0,
  });
  const restored = await startTestServer({ data: elsewhere });
  try {
    await using box = await Grokbox.connect(restored.address);
    await using session = await box.session(name);
    const info = await session.refresh();
    expect(info).toMatchObject({ step: 30, labels: { of: "the test" } });
    expect((await session.download({ at: 20 })).step).toBe(20);
  } finally {
    await restored.close();
  }
});

test("the doctor finds nothing in a sound store, and names a damaged snapshot and saves the others", async () => {
  const sound = await grokboxServer("doctor", "--data", data);
  expect(sound).toMatchObject({ code: 0 });
  expect(sound.output).toContain("is sound");

  const damagedData = join(folder, "damaged");
  await grokboxServer("restore-backup", backup, "--data", damagedData);
  const file = join(damagedData, "grokbox.db");
  const db = new DatabaseSync(file);
  db.exec(`UPDATE arrays SET data = zeroblob(length(data))
    WHERE position = 1 AND content = (SELECT content FROM snapshots WHERE step = 20)`);
  db.close();
  const found = await grokboxServer("doctor", "--data", damagedData, "--salvage", join(folder, "saved.db"));
  expect(found.code).toBe(1);
  expect(found.output).toContain(`snapshot 20 of session ${name.slice("sessions/".length)}`);

  const saved = join(folder, "saved");
  expect(await grokboxServer("restore-backup", join(folder, "saved.db"), "--data", saved)).toMatchObject({
    code: 0,
  });
  const again = await startTestServer({ data: saved });
  try {
    await using box = await Grokbox.connect(again.address);
    await using session = await box.session(name);
    const steps: number[] = [];
    for await (const { step } of session.snapshots()) steps.push(step);
    expect(steps).toEqual([30, 10]);
    expect((await session.step(1)).step).toBe(31);
  } finally {
    await again.close();
  }
});

test("wrong flags and files that are none are told, with the exit code that says which", async () => {
  expect(await grokboxServer("backup")).toMatchObject({ code: 2 });
  expect(await grokboxServer("doctor", "--no-such-flag")).toMatchObject({ code: 2 });
  const none = await grokboxServer("doctor", "--data", join(folder, "nowhere"));
  expect(none.code).toBe(1);
  expect(none.output).toContain("nowhere");
  const help = await grokboxServer("restore-backup", "--help");
  expect(help).toMatchObject({ code: 0 });
  expect(help.output).toContain("--replace");
});
