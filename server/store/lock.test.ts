import { once } from "node:events";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { startChild } from "./testing/child.ts";
import { session } from "./testing/rows.ts";
import { open, scratch } from "./testing/scratch.ts";

test("a second store in one process is refused, and told who holds the first; it opens when that is closed", async () => {
  const directory = scratch();
  const first = await open(directory, "pid 1 on a box");
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await expect(open(directory)).rejects.toMatchObject({
      name: "StoreError",
      kind: "HELD",
      message: expect.stringMatching(/ is in use by pid 1 on a box, since 20\d\d-.*Z$/),
    });
  }
  await first.commit({ putSessions: [session("a", 1)] });
  await first.close();
  expect((await (await open(directory)).load()).sessions).toHaveLength(1);
});

test("a store held by another process is refused until that is killed, and can be read meanwhile", async () => {
  const directory = scratch();
  const child = startChild("hold.ts", directory, "the other process");
  await once(child.stdout, "data");
  await expect(open(directory)).rejects.toMatchObject({
    kind: "HELD",
    message: expect.stringContaining("the other process"),
  });
  const reader = new DatabaseSync(join(directory, "grokbox.db"), { readOnly: true });
  expect(reader.prepare("SELECT count(*) AS n FROM sessions").get()).toEqual({ n: 0 });
  reader.close();
  child.kill("SIGKILL");
  await once(child, "exit");
  await open(directory);
});
