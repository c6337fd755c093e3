import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Grokbox } from "../sdk/src/mod.ts";
import type { RunningServer } from "../server/server.ts";
import { openStore } from "../server/store/store.ts";
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

const grokboxServer = (...argv: readonly string[]) => ended(process.execPath, main, ...argv);

async function ended(command: string, ...argv: readonly string[]) {
  const env = { ...process.env, GROKBOX_EPHEMERAL: "" };
  const child = spawn(command, argv, { env, stdio: ["ignore", "pipe", "pipe"], timeout: 60_000 });
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

/** A command that runs another as a user who owns nothing here; none where the test may not, or where that one can't run the server. */
function somebodyElse(): readonly string[] | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, main];
  return spawnSync(command[0]!, [...command.slice(1), "--version"]).status === 0 ? command : undefined;
}

test("what another user may not open is told with its path and the system's reason, and is not said to be absent", async (context) => {
  const command = somebodyElse();
  if (command === undefined) return context.skip("can't become another user");
  const asAnother = (...argv: readonly string[]) => ended(command[0]!, ...command.slice(1), ...argv);
  const place = mkdtempSync(join(tmpdir(), "grokbox-another-"));
  try {
    chmodSync(place, 0o755);
    const theirs = join(place, "data");
    await (await openStore({ directory: theirs, holder: "the test" })).close();
    const file = join(theirs, "grokbox.db");
    const of = (path: string, why: string) => ({ code: 1, output: `grokbox: can't open ${path}${why}\n` });
    const denied = "permission denied (EACCES)";
    // The folder may not be looked into.
    expect(await asAnother("doctor", "--data", theirs)).toEqual(of(file, `: ${denied}`));
    expect(await asAnother("restore-backup", file, "--data", "x")).toEqual(of(file, `: ${denied}`));
    // The file may not be read.
    chmodSync(theirs, 0o755);
    expect(await asAnother("doctor", "--data", theirs)).toEqual(of(file, `: ${denied}`));
    expect(await asAnother("backup", "x", "--data", theirs)).toEqual(of(file, `: ${denied}`));
    expect(await asAnother("--port", "0", "--data", theirs)).toEqual(
      of(join(theirs, "lock.db"), `: ${denied}`),
    );
    // It may, but not by SQLite, which has files to make beside it.
    chmodSync(file, 0o644);
    const why = `, whose folder can't be written: ${denied}`;
    expect(await asAnother("doctor", "--data", theirs)).toEqual(of(file, why));
  } finally {
    rmSync(place, { recursive: true });
  }
});

test.skipIf(!existsSync("/proc/self"))(
  "a data folder that can't be made is told with the system's reason",
  async () => {
    const { code, output } = await grokboxServer("--port", "0", "--data", "/proc/none/data");
    expect({ code, output }).toEqual({
      code: 1,
      output: "grokbox: ENOENT: no such file or directory, mkdir '/proc/none'\n",
    });
  },
);

test("a data folder on a disk that can't be written is told as that", async (context) => {
  const disk = join(folder, "read-only");
  mkdirSync(disk);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "ro", "tmpfs", disk], { stdio: "ignore" });
  } catch {
    return context.skip("may not mount a tmpfs");
  }
  try {
    const { code, output } = await grokboxServer("--port", "0", "--data", join(disk, "new/data"));
    expect(code).toBe(1);
    expect(output).toBe(`grokbox: EROFS: read-only file system, mkdir '${join(disk, "new")}'\n`);
  } finally {
    execFileSync("umount", [disk]);
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
