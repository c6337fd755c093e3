import { once } from "node:events";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { checkStore } from "./doctor.ts";
import { startChild } from "./testing/child.ts";
import { state } from "./testing/rows.ts";
import { open, scratch } from "./testing/scratch.ts";

const kills = process.env.LONG_TESTS ? 20 : 4;

test(`after each of ${kills} SIGKILLs everything acknowledged is there, whole, and nothing is damaged`, async () => {
  const directory = scratch();
  const acknowledged = new Map<string, number>();
  let total = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    const child = startChild("commit-forever.ts", directory);
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    await once(child.stdout, "data");
    await setTimeout(Math.random() * 250);
    child.kill("SIGKILL");
    await once(child, "close");
    // The last line may be cut.
    for (const line of output.split("\n").slice(0, -1)) {
      const [session, step] = line.split(" ");
      acknowledged.set(session!, Number(step));
      total += 1;
    }

    const store = await open(directory);
    const { sessions, snapshots, answers, damaged, lastEnd } = await store.load();
    expect(lastEnd).toBe("crash");
    expect(damaged).toEqual([]);
    for (const [id, last] of acknowledged) {
      const { step } = sessions.find((row) => row.id === id)!;
      // One more may have become durable while its acknowledgement was on the way.
      expect([last, last + 1]).toContain(step);
      acknowledged.set(id, step);
      const head = await store.readHead(id);
      expect(head.step).toBe(step);
      expect((await store.readProgress(id)).length).toBe(step);
      expect(answers.some(({ requestId }) => requestId === `${id} ${step}`)).toBe(true);
      const kept = snapshots.filter(({ session }) => session === id).map(({ step }) => step);
      const expected = Array.from({ length: step }, (_, i) => i + 1).filter(
        (n) => n % 3 !== 0 && n > step - 40,
      );
      expect(kept).toEqual(expected);
      for (const n of kept.slice(-5)) {
        const values = n % 2 ? 80 : 20_000;
        expect((await store.readSnapshot(id, n)).arrays).toEqual(state(id, n, { values }).arrays);
      }
    }
    await store.close();
    for await (const damage of checkStore(join(directory, "grokbox.db"))) expect(damage).toBeUndefined();
  }
  expect(total).toBeGreaterThan(kills * 4);
}, 240_000);
