import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningServer } from "../server/server.ts";
import { grokbox } from "./testing/grokbox.ts";
import { startTestServer } from "./testing/server.ts";

let server: RunningServer;
let env: NodeJS.ProcessEnv;
const data = mkdtempSync(join(tmpdir(), "grokbox-data-"));
const folder = mkdtempSync(join(tmpdir(), "grokbox-files-"));

beforeAll(async () => {
  server = await startTestServer({ data });
  env = { GROKBOX_SERVER: server.address };
});
afterAll(async () => {
  await server.close();
  for (const path of [data, folder]) rmSync(path, { recursive: true });
});

/** The one JSON document that a command prints. */
async function json(...args: string[]) {
  const { status, stdout, stderr } = await grokbox([...args, "--json"], env);
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout.trimEnd().split("\n")).toHaveLength(1);
  return JSON.parse(stdout);
}

/** The text that a command prints. */
async function print(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await grokbox(args, env);
  expect([status, stderr]).toEqual([0, ""]);
  return stdout;
}

/** The ID of a small session. */
async function start(...args: string[]): Promise<string> {
  const name = await print("start", "--preset", "grokking", "--modulus", "7", "--width", "16", ...args);
  return name.trim().replace("sessions/", "");
}

test("fork goes on from a snapshot differently, and both sides tell of it", async () => {
  const id = await start();
  await print("run", id, "--until", "20", "--snapshot-at", "10");
  const branch = await json("fork", `${id}@10`, "--weight-decay", "0", "--label", "of=me");
  expect(branch).toMatchObject({
    step: 10,
    labels: { of: "me" },
    spec: { optimizer: { kind: "adamw", weightDecay: 0, learningRate: 1e-4 } },
    parent: {
      snapshot: `sessions/${id}/snapshots/10`,
      changes: { optimizer: { kind: "adamw", weightDecay: 0 } },
    },
  });
  expect(await print("show", branch.name)).toMatch(
    new RegExp(`forked from +${id}@10 with .*adamw.* decay 0`),
  );
  expect(await print("show", id)).toContain(`forked as ${branch.name.replace("sessions/", "")}`);
  const now = (await print("fork", id, "--remove-frequencies", "2", "--train-fraction", "0.5")).trim();
  expect(await json("show", now)).toMatchObject({
    step: 20,
    spec: { split: { kind: "python", fraction: 0.5 } },
    parent: { changes: { removeFrequencies: [2] } },
  });
  expect((await grokbox(["fork", `${id}@11`], env)).status).toBe(3);
  const wrong = await grokbox(["fork", id, "--keep-frequencies", "9"], env);
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining("--keep-frequencies")]);
  expect((await grokbox(["fork", id, "--expected-step", "3"], env)).status).toBe(4);
});

test("restore goes back to a snapshot, and from there the same way", async () => {
  const id = await start();
  await print("run", id, "--until", "20", "--snapshot-at", "10");
  const { latest } = await json("show", id);
  expect(await print("restore", `${id}@10`)).toBe(`sessions/${id} is back at step 10\n`);
  expect((await json("step", id, "10")).point.trainLoss).toBe(latest.trainLoss);
  expect(await print("show", id)).toContain("put back from step 20");
  expect((await grokbox(["restore", id], env)).status).toBe(2);
  expect((await grokbox(["restore", `${id}@7`], env)).status).toBe(3);
});

test("snapshots are listed with why they are there, and deleted one by one", async () => {
  const id = await start();
  await print("run", id, "--until", "6", "--snapshot-at", "2,4");
  expect(await json("snapshot", id, "--label", "the end")).toMatchObject({ step: 6, label: "the end" });
  const { snapshots } = await json("snapshots", id);
  expect(snapshots.map(({ step, kind, label }: Record<string, unknown>) => [step, kind, label])).toEqual([
    [6, "requested", "the end"],
    [4, "requested", ""],
    [2, "requested", ""],
  ]);
  expect(await print("snapshots", id)).toMatch(/^ *STEP +KIND[\s\S]* 6 +requested .*the end\n/);
  const name = `sessions/${id}/snapshots/`;
  const some = await grokbox(["delete", `${id}@2`, `${id}@3`, `${id}@4`, "--json"], env);
  expect([some.status, JSON.parse(some.stdout)]).toEqual([3, { deleted: [`${name}2`, `${name}4`] }]);
  expect((await json("snapshots", id)).snapshots).toHaveLength(1);
});

test("a schedule keeps snapshots by itself, is changed and taken back", async () => {
  const id = await start("--snapshot-every", "10", "--retain", "2", "--snapshot-at", "5");
  await print("run", id, "--until", "40");
  const steps = async () => (await json("snapshots", id)).snapshots.map(({ step }: { step: number }) => step);
  expect(await steps()).toEqual([40, 30, 5]);
  expect(await print("schedule", id)).toBe("every 10 steps, the newest 2 of them; at 5\n");
  expect((await json("schedule", id, "--keep-powers-of-two")).snapshotSchedule).toMatchObject({
    powersOfTwo: true,
    atSteps: [],
  });
  await print("run", id, "--until", "70");
  expect(await steps()).toContain(64);
  expect(await print("schedule", id, "--none")).toBe("none\n");
  expect((await grokbox(["schedule", id, "--none", "--retain", "3"], env)).status).toBe(2);
  for (const args of [
    ["schedule", id],
    ["start", "--snapshot-at", "5"],
    ["fork", id],
  ]) {
    const idle = await grokbox([...args, "--retain", "3"], env);
    expect([idle.status, idle.stdout, idle.stderr]).toEqual([
      2,
      "",
      expect.stringContaining("--retain needs --snapshot-every or --keep-powers-of-two"),
    ]);
  }
});

test("IPR and misalignment are left out where they are not due, and nothing else is", async () => {
  const spectra = ["--measure", "ipr:4", "--measure", "mean_abs_sin_misalignment:4"];
  const id = await start("--record-every", "1", ...spectra);
  await print("run", id, "--until", "6");
  expect(await print("measures", id)).toBe("ipr and mean_abs_sin_misalignment every 4 steps\n");
  expect(await print("show", id)).toMatch(/\n +IPR +-\n +mean \|sin D\| +-\n/);
  const [header = "", ...lines] = (await print("history", id)).trimEnd().split("\n");
  for (const [name, carried] of [
    ["ipr", [0, 4]],
    ["mean_abs_sin_misalignment", [0, 4]],
    ["train_loss", [0, 1, 2, 3, 4, 5, 6]],
    ["parameter_norm", [0, 1, 2, 3, 4, 5, 6]],
  ] as const) {
    const column = header.split(",").indexOf(name);
    const steps = lines.flatMap((line, step) => (line.split(",")[column] === "" ? [] : [step]));
    expect([name, steps]).toEqual([name, carried]);
  }
  await print("run", id, "--until", "100", "--stop-when", "ipr >= 0 for 2");
  expect((await json("show", id)).step).toBe(12);
  expect(await print("measures", id, "--none")).toBe("none\n");
  expect((await json("step", id)).point.ipr).toBeGreaterThan(0);
});

test("extra measures are taken, shown, exported, changed and taken back", async () => {
  const id = await start(
    "--record-every",
    "10",
    "--measure",
    "ipr_theta:20",
    "--measure",
    "voting_r_squared",
  );
  await print("run", id, "--until", "40");
  const { measures, latest } = await json("show", id);
  expect(measures).toEqual([
    { measure: "iprTheta", every: 20 },
    { measure: "votingRSquared", every: 10 },
  ]);
  expect(Object.keys(latest.extra)).toEqual(["iprTheta", "votingRSquared"]);
  expect(await print("measures", id)).toBe("ipr_theta every 20 steps; voting_r_squared every 10 steps\n");
  const shown = await print("show", id);
  expect(shown).toMatch(/measures +ipr_theta every 20 steps/);
  expect(shown).toMatch(/\n +voting_r_squared +\d/);
  const [header = "", ...lines] = (await print("history", id)).trimEnd().split("\n");
  const column = header.split(",").indexOf("ipr_theta");
  expect(lines.map((line) => line.split(",")[column] !== "")).toEqual([true, false, true, false, true]);
  expect(await print("watch", id, "--all", "--until-idle")).toMatch(/VOTING R SQUARED/);
  const refused = await grokbox(["measures", id, "--measure", "misalignment_error"], env);
  expect([refused.status, refused.stderr]).toEqual([
    2,
    expect.stringContaining("--measure (measure_schedule"),
  ]);
  expect((await json("measures", id, "--measure", "ipr_xi")).measures).toEqual([
    { measure: "iprXi", every: 10 },
  ]);
  const fork = (await print("fork", id, "--measure", "ipr_xi:7")).trim();
  expect(await print("measures", fork)).toBe("ipr_xi every 7 steps\n");
  expect(await print("measures", id, "--none")).toBe("none\n");
  expect((await grokbox(["measures", id, "--none", "--measure", "ipr_xi"], env)).status).toBe(2);
  const until = ["--until", "60", "--stop-when", "ipr_xi >= 0"];
  const lacking = await grokbox(["run", id, ...until], env);
  expect(lacking.status).toBe(2);
  expect(lacking.stderr).toMatch(/ that sessions\/\S+ has \(.*\); got ipr_xi\n/);
  const hint = `grokbox measures ${id.replace("sessions/", "")} --measure ipr_xi\n`;
  expect(lacking.stderr).toContain(`Have it measured, with what is to stay: ${hint}`);
});

test("triggers are added, fire, and are removed", async () => {
  const id = await start();
  const when = ["--when", "train_loss <= 100"];
  await json("triggers", id, "--add", "keep", ...when, "--do", "snapshot", "--snapshot-label", "low");
  await json("triggers", id, "--add", "branch", ...when, "--do", "fork", "--weight-decay", "0");
  const { triggers } = await json("triggers", id, "--add", "end", ...when, "--do", "pause");
  expect(triggers.map(({ name, fired }: Record<string, unknown>) => [name, fired])).toEqual([
    ["keep", 0],
    ["branch", 0],
    ["end", 0],
  ]);
  const run = await grokbox(["run", id, "--record-every", "10", "--until", "1000"], env);
  expect([run.status, run.stdout]).toEqual([4, expect.stringContaining("was paused at step")]);
  const after = await json("show", id);
  expect(after.triggers).toMatchObject([
    { fired: 1, lastError: "" },
    { fired: 1, lastError: "" },
    { fired: 1, lastError: "" },
  ]);
  const step = after.triggers[0].lastFiredStep;
  expect((await json("snapshots", id)).snapshots).toMatchObject([{ step, kind: "triggered", label: "low" }]);
  expect(await print("triggers", id)).toMatch(/branch +train_loss <= 100 +fork with .*decay 0 +at step /);
  const fired = /^ +event +step \d+: trigger keep: train_loss <= 100 for a recorded step$/m;
  expect(await print("show", id)).toMatch(fired);
  expect((await json("triggers", id, "--remove", "keep", "--remove", "branch")).triggers).toHaveLength(1);
  expect((await json("triggers", id, "--clear")).triggers).toEqual([]);
  for (const wrong of [["--remove", "nobody"], ["--add", "x"], when]) {
    expect((await grokbox(["triggers", id, ...wrong], env)).status).toBe(2);
  }
});

test("a flag of a trigger that would change nothing is refused", async () => {
  const id = await start();
  const add = ["--add", "x", "--when", "train_loss <= 100", "--do"];
  const cases: [string[], string][] = [
    [["--lr", "3"], "--lr needs --add NAME"],
    [["--remove", "x", "--repeat"], "--repeat needs --add NAME"],
    [["--when", "train_loss <= 1", "--do", "pause"], "--when and --do need --add NAME"],
    [
      [...add, "snapshot", "--weight-decay", "0", "--until", "500"],
      "--until and --weight-decay need --do fork",
    ],
    [[...add, "pause", "--label", "a=b"], "--label needs --do fork"],
    [[...add, "fork", "--snapshot-label", "low"], "--snapshot-label needs --do snapshot"],
  ];
  for (const [flags, why] of cases) {
    const { status, stdout, stderr } = await grokbox(["triggers", id, ...flags], env);
    expect([status, stdout, stderr.split("\n")[0]]).toEqual([2, "", `grokbox: ${why}`]);
  }
  expect((await json("show", id)).triggers).toEqual([]);
});

test("a file goes out and in again, and goes on to the same bits", async () => {
  const id = await start();
  await json("step", id, "10");
  const path = join(folder, "run.safetensors");
  const exported = await json("export", id, "-o", path);
  const bytes = readFileSync(path);
  expect(exported).toEqual({
    snapshot: `sessions/${id}/snapshots/10`,
    step: 10,
    file: path,
    format: "safetensors",
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  });
  const copy = (await print("start", "--weights", path)).trim();
  expect(await json("show", copy)).toMatchObject({ step: 10, spec: { modulus: 7, width: 16 } });
  const [there, here] = [await json("step", id, "10"), await json("step", copy, "10")];
  expect(here.point.trainLoss).toBe(there.point.trainLoss);
  const npz = join(folder, "run.npz");
  expect(await print("export", `${id}@10`, "-o", npz)).toBe(`${npz}\n`);
  expect(readFileSync(npz).subarray(0, 4)).toEqual(Buffer.from("PK\x03\x04", "latin1"));
  expect(readdirSync(folder).toSorted()).toEqual(["run.npz", "run.safetensors"]);
});

test("a file that can't be written is told of before a snapshot is kept for it", async () => {
  const id = await start();
  for (const args of [
    ["export", id, "-o", join(folder, "none/x.npz")],
    ["export", id, "--format", "npz", "-o", folder],
    ["history", id, "-o", join(folder, "none/x.csv")],
  ]) {
    const { status, stdout, stderr } = await grokbox(args, env);
    const why = args.at(-1) === folder ? "EISDIR" : "ENOENT";
    expect([status, stdout, stderr]).toEqual([
      2,
      "",
      expect.stringContaining(`can't write ${args.at(-1)}: ${why}`),
    ]);
  }
  expect((await json("snapshots", id)).snapshots).toEqual([]);
});

test("a file that is none is refused with what is wrong, and one that isn't there is told", async () => {
  const path = join(folder, "none.safetensors");
  writeFileSync(path, "this is no safetensors file, however long it may be");
  const refused = await grokbox(["start", "--weights", path], env);
  expect([refused.status, refused.stderr]).toEqual([2, expect.stringMatching(/--weights|file/)]);
  const absent = await grokbox(["start", "--weights", join(folder, "absent")], env);
  expect([absent.status, absent.stderr]).toEqual([2, expect.stringContaining("ENOENT")]);
  const aFolder = await grokbox(["start", "--weights", folder], env);
  expect([aFolder.status, aFolder.stderr]).toEqual([
    2,
    expect.stringContaining(`can't read ${folder}: EISDIR`),
  ]);
  expect((await grokbox(["export", await start(), "-o", join(folder, "x.mat")], env)).status).toBe(2);
  rmSync(path);
});

test("a history comes as CSV, as JSON lines and as Parquet", async () => {
  const id = await start("--record-every", "10");
  await print("run", id, "--until", "50");
  const csv = (await print("history", id)).trimEnd().split("\n");
  expect(csv[0]).toMatch(/^sequence,step,train_loss,test_loss,/);
  expect(csv.slice(1).map((row) => Number(row.split(",")[1]))).toEqual([0, 10, 20, 30, 40, 50]);
  const lines = (await print("history", id, "--json", "--from", "3")).trimEnd().split("\n");
  const points = lines.map((line) => JSON.parse(line));
  expect(points.map(({ kind, step }) => [kind, step])).toEqual(
    [20, 30, 40, 50].map((step) => ["point", step]),
  );
  const path = join(folder, "run.parquet");
  expect(await json("history", id, "-o", path)).toMatchObject({ file: path, format: "parquet", points: 6 });
  const rows = await parquetReadObjects({ file: new Uint8Array(readFileSync(path)).buffer });
  expect(rows.map(({ step }) => step)).toEqual([0n, 10n, 20n, 30n, 40n, 50n]);
  expect(rows.at(-1)!.train_loss).toBe(points.at(-1).trainLoss);
  expect((await grokbox(["history", id, "--json", "--format", "csv"], env)).status).toBe(2);
  // As /dev/stdout: what was written there would have a message at its end.
  expect(await print("history", id, "-o", "/dev/null", "--format", "csv")).toBe("");
  expect(await print("export", id, "-o", "/dev/null", "--format", "npz")).toBe("");
  expect((await grokbox(["history", id, "-o", join(folder, "x.txt")], env)).status).toBe(2);
});

test("labels are set, removed and printed", async () => {
  const id = await start("--label", "a=1", "--label", "b=2");
  expect(await print("label", id, "c=3", "a-")).toBe("b=2 c=3\n");
  expect((await json("label", id)).labels).toEqual({ b: "2", c: "3" });
  expect((await grokbox(["label", id, "nothing"], env)).status).toBe(2);
});

test("info and show tell what is on disk", async () => {
  const id = await start();
  expect((await json("info")).storage).toMatchObject({ durable: true, alarm: "" });
  expect(await print("info")).toMatch(/storage +on disk, [\d.]+ [kM]B, [\d,]+ snapshots?\n/);
  await json("step", id, "5");
  await json("snapshot", id);
  expect((await json("show", id)).durability).toMatchObject({ committedStep: 5, alarm: "" });
  expect(await print("show", id)).toMatch(/on disk +step 5, \d+ s ago/);
});

test("a figure is drawn of a session, of its snapshots or of a preset that is trained for it", async () => {
  const id = await start();
  await print("run", id, "--until", "40", "--snapshot-at", "20");
  const path = join(folder, "five.svg");
  expect(await json("figure", "5", "--session", id, "-o", path)).toMatchObject({
    figure: "5",
    session: `sessions/${id}`,
    steps: [40],
    format: "svg",
    bytes: readFileSync(path).length,
  });
  expect(readFileSync(path, "utf8")).toMatch(/^<svg role="img" .*Output phases are twice the input phases/s);
  const png = join(folder, "seventeen.png");
  expect(await print("figure", "17", "--session", id, "--at", "20,40", "-o", png)).toBe(`${png}\n`);
  expect(readFileSync(png).subarray(1, 4).toString()).toBe("PNG");
  const sessions = (await json("list")).sessions.length;
  const data = join(folder, "two.json");
  await json("figure", "2", "--preset", "standard", "--at", "30", "--neuron", "3", "-o", data);
  expect(JSON.parse(readFileSync(data, "utf8"))).toMatchObject({
    steps: [30],
    data: { wave: { neuron: 3 } },
    spec: { title: {} },
  });
  expect((await json("list")).sessions).toHaveLength(sessions);
  expect((await json("figure")).map(({ figure }: { figure: string }) => figure)).toContain("13b");
});

test("a figure that can't be drawn says what it needs, and leaves nothing", async () => {
  const id = await start();
  const fails = async (...args: string[]) => {
    const { status, stderr } = await grokbox(["figure", ...args], env);
    return `${status} ${stderr}`;
  };
  const before = (await json("list")).sessions.length;
  expect(await fails("3")).toMatch(/^2 .*--session ID, or --preset standard/);
  expect(await fails("13", "--session", id)).toMatch(/^2 .*no figure 13; there are 2, .*13a, 13b/);
  expect(await fails("3", "--session", id, "-o", "x.bmp")).toMatch(/^2 .*must end in .svg, .png or .json/);
  expect(await fails("8", "--preset", "standard", "--neuron", "1")).toMatch(/^2 .*figure 8 is not/);
  expect(await fails("3", "--session", id, "--at", "7", "-o", join(folder, "no.svg"))).toMatch(
    /^3 .*can show steps 0 to 0, where the session is; got 7/,
  );
  expect(await fails("2", "--preset", "standard", "--at", "1", "--neuron", "512")).toMatch(
    /^2 .*--neuron must be 0 to 511/,
  );
  expect(await fails("3", "--preset", "standard", "-o", join(folder, "none/x.svg"))).toMatch(
    /^2 .*can't write .*ENOENT/,
  );
  expect((await json("list")).sessions).toHaveLength(before);
  expect(readdirSync(folder)).not.toContain("no.svg");
  expect(await fails("10", "--session", id)).toMatch(/^3 .*has 0 snapshots to show a race/);
  expect(await fails("14", "--session", id)).toMatch(/^4 .*has recorded 1 step; train it/);
  await json("step", id, "9");
  const notKept = await grokbox(["figure", "3", "--session", id, "--at", "7", "--json"], env);
  expect([notKept.status, JSON.parse(notKept.stderr).error]).toMatchObject([
    3,
    { code: "NOT_FOUND", reason: "SNAPSHOT_NOT_FOUND", message: expect.stringContaining("no snapshot") },
  ]);
  const beyond = await grokbox(["figure", "14", "--session", id, "--at", "10", "--json"], env);
  expect([beyond.status, JSON.parse(beyond.stderr).error]).toMatchObject([2, { code: "USAGE" }]);
});

test("what a figure has no use for is refused, before anything is trained for it", async () => {
  const id = await start();
  const before = (await json("list")).sessions.length;
  const cases: [string[], string][] = [
    [["5", "--preset", "standard", "--at", "5,1000000000"], "figure 5 shows one step; got 5, 1000000000"],
    [["5", "--session", id, "--at", "0,1"], "figure 5 shows one step; got 0, 1"],
    [["11", "--preset", "standard"], "--preset is for figures of a run; figure 11 is of none"],
    [["11", "--session", id, "--at", "5"], "--at is for figures of a run; figure 11 is of none"],
    [["example", "--preset", "standard"], "--preset is for figures of a run; figure example is of none"],
    [["example", "--at", "99"], "--at is for figures of a run; figure example is of none"],
    [["example", "--session", id], "--session is for figures of a session; figure example is of none"],
    [["--output", "x.svg", "--session", id], "--output and --session need a figure, such as 14"],
    [["--at", "3"], "--at needs a figure, such as 14"],
  ];
  for (const [args, why] of cases) {
    const { status, stdout, stderr } = await grokbox(["figure", ...args], env);
    expect([args, status, stdout, stderr]).toEqual([
      args,
      2,
      "",
      `grokbox: ${why}\nSee: grokbox figure --help\n`,
    ]);
  }
  expect((await json("list")).sessions).toHaveLength(before);
});
