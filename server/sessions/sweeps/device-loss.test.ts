import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { openCpuEngine } from "../../engine/cpu/cpu-engine.ts";
import { LosableEngine } from "../../engine/testing/losable-engine.ts";
import { type Box, definition, ended, finished, openBox, results, start } from "./testing/sweeps.ts";

const never = new AbortController().signal;
const boxes: Box[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const box of boxes.splice(0)) await box.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

async function open(directory?: string, withGpu = true) {
  const gpu = new LosableEngine(await openCpuEngine({ threads: 1 }), "webgpu");
  const box = await openBox({
    ...(directory === undefined ? {} : { directory }),
    offered: (cpu) => [{ engine: withGpu ? gpu : cpu, fallbackReason: "" }],
    absent: withGpu ? [] : [{ name: "webgpu", reason: "no adapter" }],
  });
  if (!withGpu) await gpu.close();
  boxes.push(box);
  return { box, gpu };
}

const what = definition({ engine: "webgpu", plan: { ...definition().plan, untilStep: 600 } });

test("a sweep waits for a device that is gone, says so, and ends with the same results", async () => {
  const reference = await open();
  const undisturbed = await start(reference.box, what);
  await ended(undisturbed);

  const { box, gpu } = await open();
  const sweep = await start(box, what);
  await finished(sweep, 1);
  gpu.isGone = true;
  gpu.lose();
  while (sweep.waitsFor === "") await sweep.changed(20, never);
  expect(sweep.waitsFor).toContain("the device of engine webgpu is lost");
  expect(sweep.ledger.counts.failed).toBe(0);
  gpu.isGone = false;
  await ended(sweep);
  expect(await results(box, sweep)).toEqual(await results(reference.box, undisturbed));
});

test("a sweep on an engine that the next server does not have waits for one that has it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "grokbox-sweep-device-"));
  folders.push(directory);
  const reference = await open();
  const undisturbed = await start(reference.box, what);
  await ended(undisturbed);

  const first = await open(directory);
  const { name } = await start(first.box, what);
  await finished(first.box.sweeps.get(name), 1);
  await boxes.pop()!.close();

  const second = await open(directory, false);
  const waiting = second.box.sweeps.get(name);
  while (waiting.waitsFor === "") await waiting.changed(20, never);
  expect(waiting.waitsFor).toContain("no adapter");
  expect(waiting.ledger.counts.failed).toBe(0);
  await boxes.pop()!.close();

  const third = await open(directory);
  const sweep = third.box.sweeps.get(name);
  await ended(sweep);
  expect(await results(third.box, sweep)).toEqual(await results(reference.box, undisturbed));
});
