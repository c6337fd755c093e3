import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommandLine } from "../clients/cli/command-line.ts";
import type { World } from "../clients/cli/world.ts";
import { Grokbox } from "../sdk/src/mod.ts";
import type { RunningServer } from "../server/server.ts";
import { grokbox } from "./testing/grokbox.ts";
import { startTestServer } from "./testing/server.ts";

let server: RunningServer;
let box: Grokbox;

beforeAll(async () => {
  server = await startTestServer();
  box = await Grokbox.connect(server.address);
});
afterAll(async () => {
  box.close();
  await server.close();
});

/** Runs the command line for somebody at a terminal, who presses `keys` once asked. */
async function asked(args: readonly string[], keys: string) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const world: World = {
    env: { GROKBOX_SERVER: server.address },
    stdin: Object.assign(stdin, { isTTY: true }) as unknown as World["stdin"],
    stdout: stdout as unknown as World["stdout"],
    stderr: Object.assign(stderr, { isTTY: true, hasColors: () => false }) as unknown as World["stderr"],
    interrupt: new AbortController().signal,
    version: "0.0.0",
    serverEntry: undefined,
  };
  let question = "";
  stderr.on("data", (data) => {
    const wasAsked = question.includes("[y/N]");
    question += data;
    if (!wasAsked && question.includes("[y/N]")) stdin.write(keys);
  });
  const written = Promise.all([text(stdout), text(stderr)]);
  const status = await Promise.race([runCommandLine(args, world), setTimeout(3_000, "it waits")]);
  for (const stream of [stdout, stderr]) stream.end();
  const [out, err] = await written;
  return { status, stdout: out, stderr: err };
}

const sweep = () => box.sweep({ base: { modulus: 7, width: 16 }, untilStep: 1 });

/** A thing that can be deleted, and whether it is still there. */
const things = {
  delete: async () => {
    const { name } = await box.start({ modulus: 7, width: 16 });
    return { name, isThere: async () => (await grokbox(["show", name], env())).status === 0 };
  },
  "sweep-delete": async () => {
    const { name } = (await sweep()).info;
    return { name, isThere: async () => (await grokbox(["sweep", name, "--detach"], env())).status === 0 };
  },
};
const env = () => ({ GROKBOX_SERVER: server.address });

for (const command of ["delete", "sweep-delete"] as const) {
  test.each([
    ["y and Enter", "y\r", 0, false],
    ["Enter", "\r", 1, true],
    ["Ctrl-D", "\x04", 1, true],
    ["Ctrl-C", "\x03", 130, true],
  ])(`${command} asks on a terminal, and heeds %s`, async (_, keys, exitCode, stays) => {
    const { name, isThere } = await things[command]();
    const { status, stdout, stderr } = await asked([command, name], keys);
    expect(stderr).toContain(`Delete ${name} with `);
    expect(status).toBe(exitCode);
    expect(stdout).toBe(stays ? "" : `${name} is deleted\n`);
    expect(stderr.includes("Nothing was deleted.\n")).toBe(exitCode === 1);
    expect(stderr.includes("grokbox: interrupted\n")).toBe(exitCode === 130);
    expect(await isThere()).toBe(stays);
  });

  test(`${command} --yes doesn't ask`, async () => {
    const { name, isThere } = await things[command]();
    const { status, stderr } = await asked([command, name, "--yes"], "\x03");
    expect([status, stderr]).toEqual([0, ""]);
    expect(await isThere()).toBe(false);
  });
}

test("sweep-delete asks once for several", async () => {
  const names = [(await sweep()).info.name, (await sweep()).info.name];
  const { status, stderr } = await asked(["sweep-delete", ...names], "y\r");
  expect([status, stderr.match(/Delete .*?\? \[y\/N\]/g)]).toEqual([
    0,
    ["Delete 2 sweeps with their results? [y/N]"],
  ]);
});

test("sweep-delete deletes those that there are, and tells of each", async () => {
  const [a, b] = [(await sweep()).info.name, (await sweep()).info.name];
  const some = await grokbox(["sweep-delete", a, "nobody", b], env());
  expect(some).toEqual({
    status: 3,
    stdout: `${a} is deleted\n${b} is deleted\n`,
    stderr: "grokbox: sweeps/nobody does not exist\nSee which there are: grokbox sweeps\n",
  });
});
