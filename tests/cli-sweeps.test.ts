import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningServer } from "../server/server.ts";
import { begin, grokbox } from "./testing/grokbox.ts";
import { startTestServer } from "./testing/server.ts";

let server: RunningServer;
let env: NodeJS.ProcessEnv;
const folder = mkdtempSync(join(tmpdir(), "grokbox-cli-sweeps-"));

beforeAll(async () => {
  server = await startTestServer();
  env = { GROKBOX_SERVER: server.address };
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const short = `
title: short
base: {modulus: 7, width: 16, split: {kind: torch, fraction: 0.7}, weight_decay: 1}
grid: {learning_rate: [1e-3, 1e-2], activation: [relu, x]}
seeds: [1, 2]
until_step: 60
record_every: 20
`;
const long = short.replace("until_step: 60", "until_step: 400000").replace("every: 20", "every: 10000");

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function json(...args: string[]) {
  const { status, stdout, stderr } = await grokbox([...args, "--json"], env);
  expect([status, stderr]).toEqual([0, ""]);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

async function print(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await grokbox(args, env);
  expect([status, stderr]).toEqual([0, ""]);
  return stdout;
}

test("a sweep of a file is run, shown a line a group, and written a line a run", async () => {
  const out = join(folder, "short.csv");
  const text = await print("sweep", file("short.yaml", short), "--out", out);
  const lines = text.trimEnd().split("\n");
  expect(lines[0]).toMatch(/^GROUP +LEARNING_RATE +ACTIVATION +RUNS +GROKKED +AT STEP/);
  expect(lines).toHaveLength(1 + 4 + 1);
  expect(lines[1]).toMatch(/^ +0 +0.001 +relu +2\/2 /);
  expect(lines.at(-1)).toMatch(/^sweeps\/\w+ finished: 8 reached the last step$/);
  const [header, ...rows] = readFileSync(out, "utf8").trimEnd().split("\n");
  expect(header).toMatch(
    /^run,group,seed,learning_rate,activation,outcome,step,memorization_end,generalization_end,grokking_step,train_loss/,
  );
  expect(rows.map((row) => row.split(",").slice(0, 7).join(","))).toEqual([
    "0,0,1,0.001,relu,target,60",
    "1,0,2,0.001,relu,target,60",
    "2,1,1,0.001,identity,target,60",
    "3,1,2,0.001,identity,target,60",
    "4,2,1,0.01,relu,target,60",
    "5,2,2,0.01,relu,target,60",
    "6,3,1,0.01,identity,target,60",
    "7,3,2,0.01,identity,target,60",
  ]);
  for (const row of rows) expect(row.split(",")).toHaveLength(header!.split(",").length);
});

test("for scripts a line a run as they finish; the same again from the results of a sweep that there is", async () => {
  const documents = await json("sweep", file("json.yaml", short));
  expect(documents.map(({ kind }) => kind)).toEqual(["started", ...Array(8).fill("run"), "end"]);
  const { name } = documents[0].sweep;
  expect(documents.at(-1).sweep).toMatchObject({ name, state: "finished", done: 8, runs: 8 });
  const out = join(folder, "again.jsonl");
  const [again] = await json("sweep", name, "--detach", "--out", out);
  expect(again).toMatchObject({ name, state: "finished", file: out });
  const runs = readFileSync(out, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(runs).toEqual(documents.slice(1, -1).sort((a, b) => a.run - b.run));
  expect((await json("sweeps"))[0].sweeps.map((sweep: { name: string }) => sweep.name)).toContain(name);
  expect(await print("sweeps")).toMatch(/^ID +STATE +RUNS +AGE +TITLE +OUTCOMES\n\w+ +finished +8\/8/);
});

test("Ctrl-C leaves a sweep going, and says so; it is paused, resumed, cancelled and deleted", async () => {
  const { child, ended } = begin(["sweep", file("long.yaml", long), "--out", join(folder, "no.csv")], env);
  const running = () =>
    [...server.sweeps.list(Number.POSITIVE_INFINITY)].find(({ state }) => state === "running");
  while ((running()?.stepsMade ?? 0) === 0) await setTimeout(10);
  child.kill("SIGINT");
  const { status, stderr, stdout } = await ended;
  const { name } = running()!;
  const id = name.slice("sweeps/".length);
  expect([status, stdout]).toEqual([130, ""]);
  expect(stderr).toContain(`Stopped looking; ${name} goes on.`);
  expect(stderr).toContain(`grokbox sweep ${id} --out`);
  expect(await print("sweep-pause", id)).toBe(`${name} is paused: no run has finished\n`);
  expect((await json("list", "--sweep", id))[0].sessions).toHaveLength(8);
  expect((await json("list"))[0].sessions).toEqual([]);
  const [session] = (await json("list", "--sweep", id))[0].sessions;
  expect(session.sweep).toMatchObject({ name });
  const refused = await grokbox(["step", session.name], env);
  expect(refused.status).toBe(4);
  expect(refused.stderr).toContain(`trains for ${name}`);
  expect((await json("sweep-resume", id))[0]).toMatchObject({ state: "running" });
  expect(await print("sweep", name, "--detach")).toBe(`${name} runs: no run has finished\n`);
  expect((await json("sweep-cancel", id))[0]).toMatchObject({ state: "cancelled", sessions: [] });
  expect((await grokbox(["sweep", id], env)).status).toBe(4);
  expect(await print("sweep-delete", id)).toBe(`${name} is deleted\n`);
  const gone = await grokbox(["sweep", id], env);
  expect([gone.status, gone.stderr]).toEqual([
    3,
    `grokbox: ${name} does not exist\nSee which there are: grokbox sweeps\n`,
  ]);
});

test("a file that can't be written is told of before a sweep begins", async () => {
  const out = join(folder, "none/results.csv");
  const before = (await json("sweeps"))[0].sweeps.length;
  for (const flags of [[], ["--detach"]]) {
    const args = ["sweep", file("unwritten.yaml", short), "--out", out, ...flags];
    const { status, stdout, stderr } = await grokbox(args, env);
    expect([status, stdout, stderr]).toEqual([2, "", expect.stringContaining(`can't write ${out}: ENOENT`)]);
  }
  expect((await json("sweeps"))[0].sweeps).toHaveLength(before);
});

test("results that can't be written in the end are shown all the same, with how to get them", async () => {
  const out = join(folder, "full.csv");
  symlinkSync("/dev/full", out);
  const { status, stdout, stderr } = await grokbox(["sweep", file("full.yaml", short), "--out", out], env);
  expect(status).toBe(1);
  const [, id] = /^GROUP [\s\S]*\nsweeps\/(\w+) finished: 8 reached the last step\n$/.exec(stdout) ?? [];
  expect(stderr.split("\n")).toEqual([
    `Nothing was written to ${out}: grokbox sweep ${id} --out ${out}`,
    expect.stringMatching(/^grokbox: ENOSPC/),
    "",
  ]);
});

test("what a sweep has found is drawn", async () => {
  const [{ sweep }] = await json("sweep", file("drawn.yaml", short));
  const path = join(folder, "bands.svg");
  const bands = ["--kind", "bands", "--groups", "0,2", "-o", path];
  expect(await print("sweep-figure", sweep.name, ...bands)).toBe(`${path}\n`);
  expect(readFileSync(path, "utf8")).toMatch(/^<svg role="img"/);
  const wrong = await grokbox(["sweep-figure", sweep.name, "--kind", "pie"], env);
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining("stages, bands")]);
  const stages = await grokbox(["sweep-figure", sweep.name, "--kind", "stages", "--groups", "0"], env);
  expect([stages.status, stages.stderr]).toEqual([2, expect.stringContaining("--groups needs --kind bands")]);
});

test.each([
  [
    "a key that is not known",
    "base: {widht: 3}\nuntil_step: 1",
    "base.widht is not known there; known are preset",
  ],
  ["no end", "base: {}", "until_step must be given"],
  [
    "a number in place of seeds",
    "seeds: 8\nuntil_step: 1",
    "seeds must be a list, or {first: 42, count: 64}; got 8",
  ],
  [
    "a text in place of a number",
    "grid: {width: [a]}\nuntil_step: 1",
    'grid.width[0] must be a number; got "a"',
  ],
  [
    "a width that is no whole number",
    "specs: [{width: 8}, {width: 8.5}]\nuntil_step: 1",
    "specs[1].width must be a whole number, 0 to 4,294,967,295; got 8.5",
  ],
  [
    "a modulus that is too large",
    "base: {modulus: 5000000000}\nuntil_step: 1",
    "base.modulus must be a whole number, 0 to 4,294,967,295; got 5000000000",
  ],
  [
    "half a warm-up step",
    "base: {warmup_steps: 0.5}\nuntil_step: 1",
    "base.warmup_steps must be a whole number",
  ],
  ["half a dimension", "base: {embedding: 1.5}\nuntil_step: 1", "base.embedding must be a whole number"],
  [
    "half a dimension by name",
    "base: {embedding: {dimension: 1.5}}\nuntil_step: 1",
    "base.embedding.dimension must be a whole number",
  ],
  [
    "a seed that is too large",
    "seeds: [1, 5000000000]\nuntil_step: 1",
    "seeds[1] must be a whole number, 0 to 4,294,967,295; got 5000000000",
  ],
  [
    "seeds that go too far",
    "seeds: {first: 4294967295, count: 2}\nuntil_step: 1",
    "seeds.count must be at most 1 with this first: seeds end at 4,294,967,295; got 2",
  ],
  [
    "half a step between records",
    "record_every: 0.5\nuntil_step: 1",
    "record_every must be a whole number, 0 to 4,294,967,295; got 0.5",
  ],
  ["half a run at a time", "max_parallel: 0.5\nuntil_step: 1", "max_parallel must be a whole number"],
  [
    "half a step",
    "until_step: 1.5",
    "until_step must be a whole number, 0 to 9,007,199,254,740,991; got 1.5",
  ],
  ["half a step to record", "record_at: [1, 1.5]\nuntil_step: 1", "record_at[1] must be a whole number"],
  ["half a snapshot", "snapshot_at: [1.5]\nuntil_step: 1", "snapshot_at[0] must be a whole number"],
  [
    "pairs of a drawn split",
    "base: {split: {kind: torch, train_pairs: [1]}}\nuntil_step: 1",
    "base.split.train_pairs must be left out with torch",
  ],
  [
    "a share of listed pairs",
    "specs: [{split: {kind: explicit, fraction: 0.5, train_pairs: [1]}}]\nuntil_step: 1",
    "specs[0].split.fraction must be left out with explicit",
  ],
  [
    "half a pair",
    "base: {split: {kind: explicit, train_pairs: [1, 1.5]}}\nuntil_step: 1",
    "base.split.train_pairs[1] must be a whole number",
  ],
  ["no seeds", "seeds: []\nuntil_step: 1", "seeds must have one or more"],
  ["no seeds in its grid", "grid: {seed: []}\nuntil_step: 1", "grid.seed must have one or more"],
  ["no condition", "stop_when: soon\nuntil_step: 1", "stop_when can't be understood: It must be like"],
  [
    "a percentage",
    "stop_when: ipr >= 90%\nuntil_step: 1",
    "stop_when can't be understood: 90% is not a number; write 0.9; got",
  ],
  ["no YAML", "a: [", "is no YAML"],
])("a file with %s is refused before anything is sent", async (_, content, why) => {
  const { status, stderr, stdout } = await grokbox(["sweep", file("wrong.yaml", content)], env);
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(why);
});

test("what the server refuses is told in the words of the file", async () => {
  const wrong = short
    .replace("base: {modulus: 7, width: 16", "base: {width: 4")
    .replace("grid: {", "grid: {modulus: [7, 22], ");
  const { status, stderr } = await grokbox(["sweep", file("refused.yaml", wrong)], env);
  expect(status).toBe(2);
  expect(stderr).toContain("base.width must be an integer, 8 to 65536; got 4");
  expect(stderr).toContain("grid.modulus[1] must be odd, 3 to 199; got 22");
});

test("a file's own fields are told of, not flags of other commands, and so is what they must differ from", async () => {
  const wrong = short
    .replace("record_every: 20", "record_every: 0\nlabels: {'': x}")
    .replace("grid: {", "grid: {width: [8, 16, 8], ");
  const { status, stderr } = await grokbox(["sweep", file("flags.yaml", wrong)], env);
  expect(status).toBe(2);
  expect(stderr).not.toMatch(/^ +--/m);
  expect(stderr).not.toMatch(/axes|definition/);
  expect(stderr).toMatch(/^ {2}record_every must be /m);
  expect(stderr).toMatch(/^ {2}labels\S* key must /m);
  expect(stderr).toMatch(/^ {2}grid\.width\[2\] must differ from grid\.width\[0\]; got 8$/m);
  expect(stderr).toMatch(/See: grokbox sweep --help\n$/);
});

test("a wrong cell is told of before the others run, and with --strict refused", async () => {
  const path = file("odd.yaml", short.replace("grid: {", "grid: {modulus: [7, 22], "));
  const { status, stdout, stderr } = await grokbox(["sweep", path], env);
  expect([status, stderr.split("\n")]).toEqual([
    0,
    [
      "8 of 16 runs can't begin and will end as invalid, because of",
      "  grid.modulus[1] must be odd, 3 to 199; got 22",
      "The others run. --strict refuses such a file.",
      "",
    ],
  ]);
  expect(stdout).toMatch(/finished: 8 reached the last step, 8 invalid\n$/);
  const [started] = await json("sweep", path);
  expect(started.sweep).toMatchObject({
    invalidGroups: 4,
    invalidValues: [{ description: expect.stringContaining("22") }],
  });
  for (const refused of [
    await grokbox(["sweep", path, "--strict"], env),
    await grokbox(["sweep", file("strict.yaml", `${readFileSync(path, "utf8")}refuse_invalid: true\n`)], env),
  ]) {
    expect([refused.status, refused.stdout]).toEqual([2, ""]);
    expect(refused.stderr).toContain("grid.modulus[1] must be odd, 3 to 199; got 22");
  }
  const late = await grokbox(["sweep", started.sweep.name, "--strict"], env);
  expect([late.status, late.stderr]).toEqual([2, expect.stringContaining("--strict is for a file")]);
});

test("README's way to a sweep's name gives the newest one alone", async () => {
  const path = file("named.yaml", short);
  await json("sweep", path, "--detach");
  const [newest] = await json("sweep", path, "--detach");
  const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
  const [, pick = ""] = /^id=\$\(npx grokbox sweeps --json \| (.*)\)$/m.exec(readme) ?? [];
  const sweeps = await print("sweeps", "--json");
  expect(execFileSync("sh", ["-c", pick], { input: sweeps, encoding: "utf8" })).toBe(`${newest.name}\n`);
});

test("the example runs as printed, but shorter", async () => {
  const example = readFileSync(join(import.meta.dirname, "../clients/examples/weight-decay.yaml"), "utf8");
  const shorter = example.replace("until_step: 30000", "until_step: 200").replace("count: 16", "count: 2");
  expect(shorter).not.toBe(example);
  const documents = await json("sweep", file("example.yaml", shorter));
  expect(documents.at(-1).sweep).toMatchObject({
    title: "weight decay and grokking",
    labels: { question: "decay" },
    state: "finished",
    done: 6,
  });
});
