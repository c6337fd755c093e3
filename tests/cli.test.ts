import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningServer } from "../server/server.ts";
import { begin, bin, type Ended, grokbox } from "./testing/grokbox.ts";
import { startTestServer } from "./testing/server.ts";

let server: RunningServer;
let env: NodeJS.ProcessEnv;
const folder = mkdtempSync(join(tmpdir(), "grokbox-cli-"));

beforeAll(async () => {
  server = await startTestServer();
  env = { GROKBOX_SERVER: server.address };
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
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

async function start(...args: string[]): Promise<string> {
  return (await print("start", "--preset", "grokking", ...args)).trim();
}

/** Waits for a state that another process brings about. */
async function reaches(name: string, state: string): Promise<void> {
  while (server.registry.get(name).state !== state) await setTimeout(5);
}

function ndjson({ stdout }: Ended) {
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

test("start prints the session's name, and takes every part of a spec", async () => {
  expect(await start()).toMatch(/^sessions\/\w+$/);
  const info = await json(
    ...[
      "start",
      "--preset",
      "grokking",
      "--seed",
      "7",
      "--modulus",
      "11",
      "--width",
      "16",
      "--activation",
      "abs",
    ],
    ...[
      "--task",
      "subtract",
      "--init-scale",
      "0.2",
      "--lr",
      "2e-4",
      "--weight-decay",
      "1",
      "--train-fraction",
      "0.5",
    ],
    ...["--label", "a=b", "--label", "who=me", "--record-every", "7", "--warmup-steps", "3"],
  );
  expect(info).toMatchObject({
    state: "idle",
    step: 0,
    preset: "grokking",
    labels: { a: "b", who: "me" },
    spec: {
      modulus: 11,
      width: 16,
      activation: "abs",
      task: "subtract",
      init: { kind: "random", scale: 0.2 },
      optimizer: { kind: "adamw", learningRate: 2e-4, weightDecay: 1 },
      schedule: { warmupSteps: 3 },
      split: { kind: "python", fraction: 0.5 },
      seed: 7,
    },
  });
});

test("step trains and prints what that led to; expected-step keeps two scripts apart", async () => {
  const name = await start();
  expect(await json("step", name, "3")).toMatchObject({ session: { name, step: 3 }, point: { step: 3 } });
  expect(await print("step", name)).toContain(`${name} is at step 4`);
  const late = await grokbox(["step", name, "1", "--expected-step", "3"], env);
  expect([late.status, late.stdout]).toEqual([4, ""]);
  expect(late.stderr).toMatch(/^grokbox: .*step.*\n.*grokbox show \w+\n$/);
});

test("run trains to its target, keeps snapshots, and draws the curves", async () => {
  const name = await start();
  const output = await print(
    "run",
    name,
    "--until",
    "400",
    "--snapshot-at",
    "200,300",
    "--record-every",
    "50",
  );
  expect(output).toContain(`${name} reached step 400`);
  expect(output).toMatch(/[\u2801-\u28ff]{10}/);
  const spectrum = await json("spectrum", name, "--at", "300");
  expect(spectrum.step).toBe(300);
  const more = await grokbox(["run", name, "--until", "500", "--json"], env);
  const documents = ndjson(more);
  expect(documents[0]).toMatchObject({ kind: "started", session: { name, state: "running" } });
  expect(documents.slice(1, -1).map(({ kind, step }) => [kind, step])).toEqual([["point", 500]]);
  expect(documents.at(-1)).toMatchObject({
    kind: "end",
    session: { step: 500, stopReason: { kind: "target" } },
  });
});

test("a run stops at a condition with success, and tells by its exit code when it ended early", async () => {
  const name = await start();
  const met = await print("run", name, "--stop-when", "train_loss <= 100", "--record-every", "10");
  expect(met).toMatch(/stopped at step 10: \w+ <= 100/);
  const { ended } = begin(["run", name], env);
  await reaches(name, "running");
  await print("pause", name);
  expect((await ended).status).toBe(4);
  expect((await ended).stdout).toContain("was paused at step");
});

test("Ctrl-C leaves the run going and says so", async () => {
  const name = await start();
  for (const flags of [[], ["--json"]]) {
    const { child, ended } = begin(["run", name, ...flags], env);
    await reaches(name, "running");
    child.kill("SIGINT");
    const { status, stdout, stderr } = await ended;
    expect(status).toBe(130);
    if (flags.length === 0)
      expect(stderr).toMatch(new RegExp(`^Stopped looking; ${name} goes on\\.\n.*watch.*\n.*pause`));
    else expect(ndjson({ status, stdout, stderr }).at(-1)).toEqual({ kind: "interrupted", session: name });
    const before = await json("show", name);
    expect(before.state).toBe("running");
    expect((await json("pause", name)).step).toBeGreaterThan(before.step);
  }
});

test("Ctrl-C ends a step, whose session keeps what was made", async () => {
  const name = await start();
  const { child, ended } = begin(["step", name, "1000000"], env);
  await reaches(name, "stepping");
  child.kill("SIGINT");
  const { status, stderr } = await ended;
  expect([status, stderr]).toEqual([
    130,
    expect.stringContaining(`${name} keeps the steps that it has made`),
  ]);
  expect(await json("show", name)).toMatchObject({ stopReason: { kind: "cancelled" } });
});

test("a detached run is watched to its end, as a table and as JSON", async () => {
  const name = await start();
  expect((await json("run", name, "--until", "300", "--detach")).run.untilStep).toBe(300);
  const table = (await print("watch", name, "--all", "--until-idle")).trimEnd().split("\n");
  expect(table[0]).toMatch(/^ +STEP +TRAIN LOSS +TEST LOSS/);
  expect(table.slice(1).map((row) => row.trim().split(/ +/)[0])).toEqual(["0", "100", "200", "300"]);
  const points = ndjson(await grokbox(["watch", name, "--last", "2", "--until-idle", "--json"], env));
  expect(points.map(({ kind, step }) => [kind, step])).toEqual([
    ["point", 200],
    ["point", 300],
  ]);
});

test("watch follows until Ctrl-C", async () => {
  const name = await start();
  const { child, ended } = begin(["watch", name, "--json"], env);
  const lines = createInterface({ input: child.stdout! });
  await once(lines, "line");
  child.kill("SIGINT");
  expect((await ended).status).toBe(130);
});

test("what is known of a network is printed as tables and bars, and as JSON", async () => {
  const name = await start();
  await json("step", name, "20");
  expect(await print("evaluate", name)).toMatch(/train loss +3\.\d+/);
  expect(await json("evaluate", name)).toMatchObject({ session: name, step: 20, scores: { accuracy: {} } });
  expect(await print("spectrum", name, "--neurons", "2")).toMatch(
    /k {2}1 +\d+ █[\s\S]*k 11 [\s\S]*NEURON[\s\S]*\n +1 /,
  );
  const spectrum = await json("spectrum", name, "--neurons", "10:12");
  expect(spectrum.neuronsPerFrequency.reduce((sum: number, n: number) => sum + n)).toBe(512);
  expect(spectrum.neurons.map(({ neuron }: { neuron: number }) => neuron)).toEqual([10, 11]);
  expect(await print("votes", name, "--activation", "x^2")).toMatch(
    /correct +[\d.e-]+ [\s\S]*least sure of \d+ \+ \d+/,
  );
  const votes = await json("votes", name, "--activation", "quadratic");
  expect(votes).toMatchObject({ step: 20, activation: "x^2", voting: { worstPairs: expect.any(Array) } });
  expect(await print("lottery", name, "--neurons", "3")).toMatch(
    /step 0 tells [\d.]+%[\s\S]*neuron 3: forecast \d+/,
  );
  expect(await json("lottery", name, "--neurons", "3,4")).toMatchObject({
    step: 20,
    beginStep: 0,
    neurons: [{}, {}],
  });
  await print("snapshot", name);
  const begin = `${name.replace("sessions/", "")}@20`;
  expect(await json("lottery", name, "--begin", begin)).toMatchObject({ step: 20, beginStep: 20 });
  expect(await print("ablate", name, "--remove-frequencies", "1,2", "--keep-neurons", "0,1,2")).toMatch(
    /3 neurons left[\s\S]*accuracy, all pairs/,
  );
  expect(await json("ablate", name, "--project")).toMatchObject({ step: 20, width: 512 });
  expect(await print("swap", name, "abs", "x^4", "--evaluate-only")).toMatch(/abs .*\nx\^4 /);
  const { scores } = await json("swap", name, "x", "quadratic", "--evaluate-only");
  expect(scores.map(({ activation }: { activation: string }) => activation)).toEqual(["identity", "x^2"]);
  expect(await print("show", name)).toMatch(/network +p 23, M 512, relu; learns add/);
});

test("swap goes on under another activation, one at a time", async () => {
  const name = await start();
  expect(await print("swap", name, "abs")).toContain("goes on under abs, from step 0 on (before: relu)");
  expect((await json("show", name)).spec.activation).toBe("abs");
  expect((await grokbox(["swap", name, "abs", "exp"], env)).status).toBe(2);
});

test("a snapshot is kept, downloaded for NumPy, and started from", async () => {
  const name = await start();
  await json("step", name, "5");
  expect(await print("snapshot", name)).toBe(`${name}/snapshots/5\n`);
  const output = join(folder, "weights");
  await print("snapshot", name, "--at", "5", "--output", output);
  expect(readdirSync(output).toSorted()).toEqual([
    "snapshot.json",
    ...["theta.npy", "theta_first.npy", "theta_second.npy", "xi.npy", "xi_first.npy", "xi_second.npy"],
  ]);
  expect(JSON.parse(readFileSync(join(output, "snapshot.json"), "utf8"))).toMatchObject({ step: 5 });
  const theta = readFileSync(join(output, "theta.npy"));
  expect(theta.toString("latin1", 10, 80)).toContain(
    "'descr': '<f4', 'fortran_order': False, 'shape': (512, 23)",
  );
  expect(theta.length % 64).toBe((512 * 23 * 4) % 64);
  const id = name.replace("sessions/", "");
  expect(await json("start", "--from", `${id}@5`)).toMatchObject({ step: 5 });
  expect((await grokbox(["snapshot", name, "--at", "6", "--output", output], env)).status).toBe(3);
});

test("averages and factors of a snapshot are files too, named as in an export, and no array is in its JSON", async () => {
  const small = ["--modulus", "7", "--width", "16", "--embedding", "8", "--grokfast", "2"];
  const name = await start(...small);
  await json("step", name, "2");
  const output = join(folder, "factors");
  const printed = await json("snapshot", name, "--output", output);
  const layers = ["embedding", "projection", "xi"];
  const arrays = [
    "theta",
    ...layers,
    ...layers.flatMap((of) => [`${of}_first`, `${of}_second`, `${of}_average`]),
  ];
  expect(readdirSync(output).toSorted()).toEqual(
    [...arrays.map((array) => `${array}.npy`), "snapshot.json"].toSorted(),
  );
  const projection = readFileSync(join(output, "projection_average.npy"));
  expect(projection.toString("latin1", 10, 80)).toContain("'shape': (16, 8)");
  const kept = JSON.parse(readFileSync(join(output, "snapshot.json"), "utf8"));
  expect(kept).toMatchObject({ name: `${name}/snapshots/2`, step: 2, spec: { width: 16 } });
  expect(printed).toEqual({ ...kept, files: expect.any(Array) });
  expect(JSON.stringify(kept)).not.toContain('"data"');
});

test("an ablation of a session that trains is compared with the same step, and leaves no snapshot", async () => {
  const name = await start("--modulus", "7", "--width", "16", "--lr", "1e-2");
  await json("run", name, "--detach");
  const all = Array.from({ length: 16 }, (_, neuron) => neuron).join(",");
  for (let i = 0; i < 3; i++) {
    const text = await print("ablate", name, "--keep-neurons", all);
    const rows = text.trimEnd().split("\n").slice(3);
    expect(rows.length).toBeGreaterThan(4);
    for (const row of rows) {
      const [before, after] = row.trim().split(/ {2,}/).slice(-2);
      expect([row, after]).toEqual([row, before]);
    }
  }
  expect((await json("snapshots", name)).snapshots).toEqual([]);
  expect((await json("show", name)).state).toBe("running");
  await json("pause", name);
});

test("sessions are listed by state and label, and deleted", async () => {
  const name = await start("--label", "sweep=lr/1");
  const other = await start("--label", "sweep=lr/1");
  const { sessions } = await json("list", "--label", "sweep=lr/1", "--state", "idle,paused");
  expect(sessions.map((session: { name: string }) => session.name)).toEqual([other, name]);
  expect(await print("list")).toContain(name.replace("sessions/", ""));
  expect(await json("list", "--state", "diverged")).toEqual({ sessions: [] });
  const some = await grokbox(["delete", name, "nobody", other, "--json"], env);
  expect(some.status).toBe(3);
  expect(JSON.parse(some.stdout)).toEqual({ deleted: [name, other] });
  expect(JSON.parse(some.stderr)).toMatchObject({
    error: { code: "NOT_FOUND", reason: "SESSION_NOT_FOUND" },
  });
});

test("what is wrong is told in a line, with every field that is wrong, and what to do", async () => {
  const bad = await grokbox(["start", "--modulus", "22", "--width", "4", "--lr", "0"], env);
  expect([bad.status, bad.stdout]).toEqual([2, ""]);
  const lines = bad.stderr.trimEnd().split("\n");
  expect(lines).toHaveLength(5);
  expect(lines[0]).toBe("grokbox: this was refused:");
  expect(lines[1]).toMatch(/^ {2}--modulus \(spec\.modulus\) must be odd, 3 to 199; got 22$/);
  expect(lines[2]).toMatch(/^ {2}--width /);
  expect(lines[3]).toMatch(/^ {2}--lr /);
  expect(lines[4]).toBe("See: grokbox start --help");
  const slow = await grokbox(["start", "--grokfast", "-1", "--grokfast-alpha", "2", "--embedding", "0"], env);
  expect(slow.stderr).toMatch(/\n {2}--grokfast \(/);
  expect(slow.stderr).toMatch(/\n {2}--grokfast-alpha \(/);
  expect(slow.stderr).toMatch(/\n {2}--embedding \(/);
  const document = await grokbox(["start", "--width", "4", "--json"], env);
  expect(document.stdout).toBe("");
  expect(JSON.parse(document.stderr)).toMatchObject({
    error: { code: "INVALID_ARGUMENT", reason: "INVALID_FIELD", violations: [{ field: "spec.width" }] },
  });
});

test("a number that its field can't hold is refused where it stands, with what it must be", async () => {
  const big = "5000000000";
  const cases = [
    ["start", "--seed", big],
    ["start", "--seed", "1.5"],
    ["start", "--modulus", big],
    ["start", "--width", big],
    ["start", "--embedding", big],
    ["start", "--warmup-steps", big],
    ["start", "--record-every", big],
    ["start", "--measure", `ipr:${big}`],
    ["start", "--retain", big],
    ["fork", "ID", "--warmup-steps", big],
    ["fork", "ID", "--keep-frequencies", `1,${big}`],
    ["run", "ID", "--stop-when", `train_loss <= 1 for ${big}`],
    ["ablate", "ID", "--remove-neurons", big],
    ["ablate", "ID", "--keep-frequencies", big],
    ["spectrum", "ID", "--neurons", `4:${big}`],
    ["lottery", "ID", "--neurons", big],
  ];
  for (const args of cases) {
    const { status, stdout, stderr } = await grokbox(args, env);
    expect([args, status, stdout]).toEqual([args, 2, ""]);
    expect(stderr).toContain(`option '${args.at(-2)} <`);
    expect(stderr).toContain(`argument '${args.at(-1)}' is invalid.`);
    expect(stderr).toContain("4,294,967,295");
  }
});

test("every kind of failure has its exit code, and none a stack trace", async () => {
  const name = await start();
  await json("run", name, "--detach");
  const cases: [number, string[]][] = [
    [2, ["strat"]],
    [2, ["step"]],
    [2, ["step", "a b"]],
    [2, ["run", name, "--until", "soon"]],
    [2, ["run", name, "--stop-when", "luck >= 1"]],
    [2, ["list", "--state", "asleep"]],
    [2, ["info", "--server", "not an address"]],
    [2, ["completion", "tcsh"]],
    [2, ["lottery", name, "--begin", "x"]],
    [3, ["show", "nobody"]],
    [3, ["list", "--sweep", "nobody"]],
    [3, ["evaluate", name, "--at", "77777777"]],
    [4, ["step", name]],
    [5, ["info", "--server", "127.0.0.1:1", "--timeout", "0.2"]],
  ];
  // In a process of its own the first of each code.
  const isFirst = ([code]: (typeof cases)[number], i: number) =>
    cases.findIndex(([other]) => other === code) === i;
  const ends = await Promise.all(
    cases.map((one, i) => (isFirst(one, i) ? begin(one[1], env).ended : grokbox(one[1], env))),
  );
  ends.forEach(({ status, stdout, stderr }, i) => {
    expect([cases[i]![1], status, stdout]).toEqual([cases[i]![1], cases[i]![0], ""]);
    expect(stderr).toMatch(/^grokbox: \S/);
    expect(stderr).not.toMatch(/\n\s+at |Error:/);
  });
  const slow = await grokbox(["step", await start(), "100000000", "--timeout", "1"], env);
  expect([slow.status, slow.stderr]).toEqual([5, expect.stringContaining("--timeout")]);
  await json("pause", name);
});

test("the server comes from the option, the variable, or the config file, in that order", async () => {
  mkdirSync(join(folder, "grokbox"));
  const config = join(folder, "grokbox/config.json");
  const home = { XDG_CONFIG_HOME: folder };
  writeFileSync(config, JSON.stringify({ server: server.address }));
  expect((await grokbox(["info"], home)).stdout).toContain(`${server.address} (${config})`);
  writeFileSync(config, '{"server": "127.0.0.1:1"}');
  expect((await grokbox(["info"], { ...home, ...env })).stdout).toContain(
    `${server.address} (GROKBOX_SERVER)`,
  );
  const option = ["info", "--server", server.address];
  const wrong = { ...home, GROKBOX_SERVER: "127.0.0.1:1" };
  expect((await grokbox(option, wrong)).stdout).toContain(`${server.address} (--server)`);
  writeFileSync(config, '{"sever": "x"}');
  const { status, stderr } = await grokbox(["info"], home);
  expect([status, stderr]).toEqual([2, expect.stringContaining(`${config} has an unknown key "sever"`)]);
});

test("a full disk under stdout is told", async () => {
  const full = openSync("/dev/full", "w");
  const ends = [["--help"], ["figure", "--json"]].map(async (args) => {
    const child = spawn(bin, args, { stdio: ["ignore", full, "pipe"] });
    const [[status], stderr] = await Promise.all([once(child, "close"), text(child.stderr!)]);
    return [status, stderr];
  });
  const [plain, scripted] = await Promise.all(ends);
  closeSync(full);
  expect(plain).toEqual([1, "grokbox: can't write: ENOSPC\n"]);
  expect(scripted?.[0]).toBe(1);
  expect(JSON.parse(scripted?.[1])).toMatchObject({
    error: { code: "FAILED", message: "can't write: ENOSPC" },
  });
});

test("help teaches by example, for every command", async () => {
  const [all, version, none] = await Promise.all([grokbox(["--help"]), grokbox(["--version"]), grokbox([])]);
  expect(version.stdout).toBe("0.1.0\n");
  expect([none.status, none.stdout]).toEqual([0, all.stdout]);
  expect(all.stdout).toContain("Exit codes:");
  const commands = [...all.stdout.matchAll(/^ {2}([a-z][a-z-]*) .* {2}\S/gm)].map((match) => match[1]!);
  const theServers = ["serve", "backup", "restore-backup", "doctor"];
  expect(commands).toEqual(expect.arrayContaining(theServers));
  const names = commands.filter((name) => !["help", ...theServers].includes(name));
  expect(names).toHaveLength(35);
  for (const { status, stdout } of await Promise.all(names.map((name) => grokbox([name, "--help"])))) {
    expect(status).toBe(0);
    expect(stdout).toMatch(/\n {2}(\$ grokbox|bash)/);
    expect(stdout.split("\n").filter((line) => line.length > 80 && !line.includes("|"))).toEqual([]);
  }
});

test("serve is the server with all of its flags", async () => {
  const { child, ended } = begin(["serve", "--port", "0", "--log-level", "warn", "--ephemeral"]);
  for await (const line of createInterface({ input: child.stdout! })) {
    const address = /is ready on (\S+)/.exec(line)?.[1];
    if (address === undefined) continue;
    expect((await grokbox(["info", "--json", "--server", address])).status).toBe(0);
    child.kill("SIGTERM");
  }
  expect((await ended).status).toBe(0);
  const help = await grokbox(["serve", "--help"]);
  expect(help.stdout).toContain("--threads");
});

test("bash completes commands, options, presets, activations and the sessions there are", async () => {
  const name = await start("--label", "complete=me");
  const script = join(folder, "completion.bash");
  writeFileSync(script, await print("completion", "bash"));
  const complete = async (...words: string[]) => {
    const typed = [bin, ...words].map((word) => `'${word}'`).join(" ");
    const ask = `COMP_WORDS=(${typed}) COMP_CWORD=${words.length}; _grokbox; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const shell = spawn("bash", ["-c", `source ${script} && complete -p grokbox > /dev/null && ${ask}`], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    return (await text(shell.stdout)).trimEnd().split("\n");
  };
  expect(await complete("st")).toEqual(["start", "step"]);
  expect(await complete("start", "--pre")).toEqual(["--preset"]);
  expect(await complete("start", "--preset", "gr")).toEqual(["grokking"]);
  expect(await complete("swap", "ID", "x^")).toEqual(["x^2", "x^3", "x^4", "x^8"]);
  expect(await complete("show", "")).toContain(name.replace("sessions/", ""));
  expect(await complete("show", "--server", server.address, name.slice(9, 14))).toContain(name.slice(9));
  expect(await complete("figure", "5", "--session", name.slice(9, 14))).toEqual([name.slice(9)]);
  expect(await complete("completion", "")).toEqual(["bash", "zsh", "fish"]);
  expect(await complete("export", "ID", "--format", "")).toEqual(["safetensors", "npz"]);
  expect(await complete("history", "ID", "--format", "")).toEqual(["csv", "jsonl", "parquet"]);
  expect(await complete("run", "ID", "--preset", "")).toEqual([""]);
  expect(await complete("rm", name.slice(9, 14))).toEqual([name.slice(9)]);
  expect(await complete("ls", "--st")).toEqual(["--state"]);
  expect(await complete("help", "st")).toEqual(["start", "step"]);
  expect(await complete("help", "--server", server.address, "sn")).toEqual(["snapshot", "snapshots"]);
  expect(await complete("sweep", "x.yaml", "--out", join(folder, "completion.b"))).toEqual([script]);
});

const hasShell = (shell: string) => spawnSync(shell, ["-c", ":"]).status === 0;

test.skipIf(!hasShell("zsh"))("zsh takes its completion script", async () => {
  const script = join(folder, "completion.zsh");
  writeFileSync(script, await print("completion", "zsh"));
  const load = `autoload -U compinit; compinit -D -u; source ${script}; print $_comps[grokbox]`;
  const { stdout, stderr } = spawnSync("zsh", ["-f", "-c", load], { encoding: "utf8" });
  expect([stdout, stderr]).toEqual(["_grokbox\n", ""]);
});

test.skipIf(!hasShell("fish"))("fish completes from its script", async () => {
  const script = join(folder, "completion.fish");
  writeFileSync(script, await print("completion", "fish"));
  const load = `source ${script}; complete -C 'grokbox start --preset gr'; complete -C 'grokbox sp'`;
  const { stdout, stderr } = spawnSync("fish", ["--no-config", "-c", load], { encoding: "utf8" });
  expect([stdout, stderr]).toEqual([expect.stringMatching(/^grokking\t.*\nspectrum\t.*\n$/), ""]);
});

/** A Node of the machine's own, older than the repository's. */
const olderNode = (process.env.PATH ?? "")
  .split(delimiter)
  .filter((path) => !path.includes("node_modules"))
  .map((path) => join(path, "node"))
  .find(
    (path) =>
      existsSync(path) && /^v2[0-3]\./.test(spawnSync(path, ["--version"], { encoding: "utf8" }).stdout),
  );

test.skipIf(olderNode === undefined)(
  "an older Node finds the one it needs, and passes signals on",
  async () => {
    const older = { ...env, PATH: join(olderNode!, "..") };
    expect(JSON.parse((await begin(["info", "--json"], older).ended).stdout).version).toBe("0.1.0");
    const { child, ended } = begin(["watch", await start(), "--json"], older);
    await once(createInterface({ input: child.stdout! }), "line");
    child.kill("SIGINT");
    expect((await ended).status).toBe(130);
  },
);
