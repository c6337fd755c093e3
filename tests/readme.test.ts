import { spawn } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningServer } from "../server/server.ts";
import { type Block, blocksOf, codeSpansOf, commandsOf } from "./testing/markdown.ts";
import { hasPythonClient, python } from "./testing/python.ts";
import { type Outcome, printedAddress, printedWebAddress, runProcess, runScript } from "./testing/script.ts";
import { startTestServer } from "./testing/server.ts";

/** Every command and snippet of these pages is tried; one that no rule knows fails. */
const pages = ["README.md", "clients/python/README.md"];

const isLong = process.env.LONG_TESTS !== undefined;
const root = join(import.meta.dirname, "..");
const { scripts }: { scripts: Record<string, string> } = JSON.parse(read("package.json"));
const state = mkdtempSync(join(tmpdir(), "grokbox-readme-"));
let server: RunningServer;

beforeAll(async () => {
  // Where commands on the server's machine look for its data.
  server = await startTestServer({ data: join(state, "grokbox") });
});
afterAll(async () => {
  await server.close();
  rmSync(state, { recursive: true });
});

/** How a command is tried: as printed where that is quick and harmless, else as much of it as is. */
const rules: readonly (readonly [RegExp, (...groups: string[]) => unknown])[] = [
  [/^npm ci$/, () => npm("ci", "--dry-run", "--ignore-scripts", "--offline")],
  [/^npm start$/, startsAndStops],
  [/^npm start -- --help$/, async () => expect(await npm("start", "--", "--help")).toContain("GROKBOX_")],
  [
    /^npx grokbox serve$/,
    async () => expect(await npm("exec", "grokbox", "serve", "--", "--help")).toContain("--port"),
  ],
  [
    /^npx grokbox --help$/,
    async () => expect(await npm("exec", "grokbox", "--", "--help")).toContain("spectrum"),
  ],
  [/^npm test$/, () => isScript("test")],
  [/^npm test -- (\S+)$/, (part) => expect(filesWith(part), part).not.toEqual([])],
  [/^npm run (?:--silent )?(paper) -- (.*?)(?: +#.*)?$/, paper],
  [/^npm run faults -- --kills 500 --json$/, faults],
  [/^npm run bench$/, async () => expect(await npm("run", "bench", "--", "--help")).toContain("--json")],
  [
    /^npm run bench:gpu$/,
    async () => expect(await npm("run", "bench:gpu", "--", "--help")).toContain("--peer-seconds"),
  ],
  [
    /^npm run bench -- (--only tensorflow .*)$/,
    async (options) => {
      const quick = ["--rounds", "1", "--milliseconds", "4", "--shape", "5,16"];
      const output = await npm("run", "--silent", "bench", "--", ...options.split(" "), ...quick);
      expect(output).toContain("tensorflow wasm");
    },
  ],
  [/^npm install --no-save (.*)$/, (packages) => packages.split(" ").forEach(isOptionalPeer)],
  [/^npm run ([\w:]+)$/, isScript],
  [/^npx node (clients\/examples\/\S+)$/, (path) => isFile(path, constants.R_OK)],
  [/^(\.ci\/run|clients\/python\/generate\.sh)$/, (path) => isFile(path, constants.X_OK)],
  [/^pip install \.\/(\S+)$/, isPythonPackage],
  [/^apt-get install -y (.*)$/, (packages) => packages.split(" ").forEach(isInstalledByCi)],
];

/** Commands that are run as printed, with all of their block, against the server of this test. */
const live = /^(\w+=\$\()?(npx (buf curl|grokbox)|curl) /;

describe.each(pages)("%s", (path) => {
  const page = read(path);
  const titled = blocksOf(page).map((block) => ({ block, title: `${block.language} at line ${block.line}` }));
  const isPython = ({ block }: { block: Block }) => block.language === "python";

  test.each(titled.filter((each) => !isPython(each)))("$title works as printed", ({ block }) =>
    tryBlock(block),
  );

  test.skipIf(!hasPythonClient).each(titled.filter(isPython))(
    "$title works as printed",
    async ({ block }) => {
      const env = { PYTHONPATH: join(root, "clients/python"), PYTHONDONTWRITEBYTECODE: "1" };
      expectSuccess(await runProcess(python, ["-"], { cwd: root, input: here(block.code), env }));
    },
  );

  test("commands in the text work", async () => {
    const commands = codeSpansOf(page).filter((span) => /^(npm|npx|pip|apt-get|\.ci\/|\S+\.sh\b)/.test(span));
    for (const command of new Set(commands)) await tryCommand(command);
  });

  test("links lead to files", () => {
    const targets = [...page.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map((match) => match[1]!);
    const missing = targets.filter((target) => !existsSync(join(root, dirname(path), target)));
    expect(missing.filter((target) => !target.startsWith("https://"))).toEqual([]);
  });

  test("files that the text names are there", () => {
    const named = codeSpansOf(page).filter((span) => /^[\w.-]+(\/[\w.-]*)+$/.test(span));
    const folders = [
      root,
      dirname(join(root, path)),
      join(root, "clients/python/grokbox"),
      join(root, "proto"),
      join(root, "server/engine"),
    ];
    expect(named.filter((name) => !folders.some((folder) => existsSync(join(folder, name))))).toEqual([]);
  });
});

test("the README lists every example, and its first script is the file that it says", () => {
  const page = read("README.md");
  const examples = readdirSync(join(root, "clients/examples"));
  expect(examples.filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([]);
  const [script] = blocksOf(page).filter(({ language }) => language === "ts");
  expect(read("clients/examples/first-script.ts").replace(/^(\/\/.*\n)+/, "")).toBe(script!.code);
});

async function tryBlock({ language, code }: Block): Promise<void> {
  if (language === "ts") {
    // At its full length the first script is run by the test of the examples.
    return expectSuccess(await runScript(here(code).replace("untilStep: 10_000", "untilStep: 2_000")));
  }
  expect(language, "a language that this test knows").toBe("sh");
  const commands = commandsOf(code);
  if (commands.some((command) => live.test(command))) {
    expect(commands.filter((command) => !live.test(command))).toEqual([]);
    const bin = join(root, "node_modules/.bin");
    const env = {
      ...{ GROKBOX_SERVER: server.address, XDG_STATE_HOME: state },
      PATH: `${bin}:${process.env.PATH}`,
    };
    const written = [...code.matchAll(/ (?:-o|--out|backup) (\S+)/g)].map((match) => match[1]!);
    try {
      return expectSuccess(await runProcess("bash", ["-e", "-c", quickly(here(code))], { cwd: root, env }));
    } finally {
      for (const file of written) rmSync(join(root, file), { force: true });
    }
  }
  for (const command of commands) await tryCommand(command);
}

/** Without the half second that npx takes to find what lies in the folder; the long tests have it. */
function quickly(script: string): string {
  return isLong ? script : `npx() { "$@"; }\n${script}`;
}

/** Commands that have worked: what stands in several places is tried once. */
const tried = new Set<string>();

async function tryCommand(command: string): Promise<void> {
  if (tried.has(command)) return;
  for (const [pattern, attempt] of rules) {
    const match = pattern.exec(command);
    if (match === null) continue;
    await attempt(...match.slice(1));
    tried.add(command);
    return;
  }
  expect.fail(`no rule says how to try the command: ${command}`);
}

/** Starts a server with npm as printed, but on a free port, and ends it when it is ready: by a signal to npm alone, as containers do. */
async function startsAndStops(): Promise<void> {
  const child = spawn("npm", ["start", "--", "--port", "0"], {
    cwd: root,
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
  });
  // The server has its output too.
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const lost = new AbortController();
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      if (!/is ready on 127\.0\.0\.1:\d+/.test(line)) continue;
      child.stdout.resume();
      child.kill("SIGTERM");
      const late = setTimeout(20_000, "still there", { signal: lost.signal }).catch(() => undefined);
      expect(await Promise.race([ended, late])).toBe(0);
      return;
    }
    expect.fail("the server ended before it was ready");
  } finally {
    lost.abort();
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // Nothing is left of it.
    }
  }
}

/** One kill in the long tests; what kills do is tested elsewhere. */
async function faults(): Promise<void> {
  if (!isLong) {
    const { code, errors } = await runNpm("run", "faults", "--", "--kills", "0");
    expect(code).toBe(2);
    return expect(errors).toContain("--kills must be a positive integer");
  }
  const output = await npm("run", "--silent", "faults", "--", "--kills", "1", "--json");
  expect(JSON.parse(output)).toMatchObject({ kills: 1, lost: 0, corrupt: 0 });
}

/**
 * A few steps in place of all; what is written goes elsewhere. The whole paper is made in the long tests, and in a short form by
 * paper-whole.test.ts; here the help must have its options.
 */
async function paper(script: string, args: string): Promise<void> {
  const given = args.split(" ");
  const isRun = given.includes("--run");
  if (!isRun && !isLong) {
    const help = await npm("run", "--silent", script, "--", "--help");
    for (const option of given.filter((word) => word.startsWith("--"))) expect(help).toContain(`${option} `);
    return;
  }
  const isWhole = !isRun;
  const instead = isWhole ? ["--out", join(state, "paper")] : [];
  const output = await npm("run", "--silent", script, "--", ...given, ...instead, "--steps", "20");
  if (given.includes("--json")) expect(JSON.parse(output)).toBeTypeOf("object");
  else expect(output).toContain(isWhole ? "report.html" : "20");
}

/** Whether `npm run NAME` runs files that there are. */
function isScript(name: string): void {
  expect(scripts).toHaveProperty([name]);
  const files = [...scripts[name]!.matchAll(/\bnode (\S+\.[jt]s)\b/g)].map((match) => match[1]!);
  for (const file of files) isFile(file, constants.R_OK);
}

function isFile(path: string, mode: number): void {
  accessSync(join(root, path), mode);
}

/** Whether the server says that it can use a package, and does without. */
function isOptionalPeer(name: string): void {
  const { peerDependencies, peerDependenciesMeta } = JSON.parse(read("server/package.json"));
  expect(peerDependencies).toHaveProperty([name]);
  expect(peerDependenciesMeta[name]).toEqual({ optional: true });
}

/** Whether a folder's pyproject.toml names all the packages in it. */
function isPythonPackage(path: string): void {
  const listed = /^packages = \[(.*)\]$/m.exec(read(`${path}/pyproject.toml`))![1]!;
  const found = readdirSync(join(root, path, "grokbox"), { recursive: true, encoding: "utf8" })
    .filter((name) => /(^|\/)__init__\.py$/.test(name))
    .map((name) => join("grokbox", dirname(name)).replaceAll("/", "."));
  expect([...listed.matchAll(/"([\w.]+)"/g)].map((match) => match[1]!).sort()).toEqual(found.sort());
}

/** Test files that vitest picks for a part of a path. */
function filesWith(part: string): string[] {
  const files = ["server", "sdk", "clients", "tests", "bench"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((name) => `${folder}/${name}`),
  );
  return files.filter((name) => name.endsWith(".test.ts") && name.includes(part));
}

function isInstalledByCi(name: string): void {
  expect(
    read(".ci/run")
      .match(/^for package in (.*);/m)![1]!
      .split(" "),
  ).toContain(name);
}

async function npm(...args: readonly string[]): Promise<string> {
  const { code, output, errors } = await runNpm(...args);
  expect(code, output + errors).toBe(0);
  return output;
}

/** What npm would run, without the second that it takes itself; the long tests have it. */
function runNpm(...args: readonly string[]): Promise<Outcome> {
  const [name, ...given] = args.filter((word) => !["run", "exec", "--silent", "--"].includes(word));
  const line = args[0] === "exec" ? name : scripts[name!];
  if (isLong || line === undefined) return runProcess("npm", args, { cwd: root });
  const env = { PATH: `${join(root, "node_modules/.bin")}:${process.env.PATH}` };
  return runProcess("bash", ["-c", `${line} "$@"`, "npm", ...given], { cwd: root, env });
}

function expectSuccess({ code, output, errors }: Outcome): void {
  expect(code, output + errors).toBe(0);
  expect(errors.replace(/^npm (warn|notice) .*\n/gm, "")).toBe("");
  expect(output).not.toBe("");
}

/** The text as printed, but for the addresses, a sweep of hours, and a run whose length only the long tests have time for. */
function here(code: string): string {
  return (isLong ? code : code.replace("--until 20000", "--until 3000"))
    .replaceAll(printedAddress, server.address)
    .replaceAll(printedWebAddress, server.webAddress)
    .replaceAll("clients/examples/weight-decay.yaml", shorterSweep);
}

/** Long enough for memorization to end. */
function shorterSweep(path: string): string {
  const whole = read(path);
  const shorter = whole.replace("until_step: 30000", "until_step: 2500").replace("count: 16", "count: 1");
  expect(shorter).not.toBe(whole);
  const file = join(state, "shorter.yaml");
  writeFileSync(file, shorter);
  return file;
}

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

test("the metrics that the README names are there", async () => {
  const text = await (await fetch(`http://${server.webAddress}/metrics`)).text();
  const named = codeSpansOf(read("README.md")).filter((span) => span.startsWith("grokbox_"));
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !text.includes(`# TYPE ${name} `))).toEqual([]);
});
