import { expect, test } from "vitest";
import { Inbox } from "./inbox.ts";

test("messages come in order, and then the failure", async () => {
  const inbox = new Inbox<number>();
  for (const n of [1, 2]) expect(inbox.put(n)).toBe(true);
  setTimeout(() => inbox.put(3), 5);
  setTimeout(() => inbox.fail(new Error("lost")), 10);
  const seen: number[] = [];
  await expect(
    (async () => {
      for await (const n of inbox) seen.push(n);
    })(),
  ).rejects.toThrow("lost");
  expect(seen).toEqual([1, 2, 3]);
});

test("it takes as many as its capacity beyond what its reader has in hand", async () => {
  const inbox = new Inbox<number>();
  const reader = inbox[Symbol.asyncIterator]();
  let put = 0;
  while (inbox.put(put)) put++;
  expect(put).toBe(Inbox.capacity);
  await reader.next();
  expect(inbox.put(put)).toBe(true);
  expect(inbox.put(put)).toBe(false);
});

test("a reader that stops gets nothing more of what waits, also in the middle of it", async () => {
  const inbox = new Inbox<number>();
  for (let n = 0; n < 10; n++) inbox.put(n);
  const seen: number[] = [];
  for await (const n of inbox) {
    seen.push(n);
    if (n === 2) inbox.end();
  }
  expect(seen).toEqual([0, 1, 2]);
  expect(inbox.put(11)).toBe(true);
});

test("stopping ends a reader that waits, also after a failure that it has not read", async () => {
  const inbox = new Inbox<number>();
  const reader = inbox[Symbol.asyncIterator]();
  const waiting = reader.next();
  inbox.end();
  expect((await waiting).done).toBe(true);
  const failed = new Inbox<number>();
  failed.put(1);
  failed.fail(new Error("lost"));
  failed.end();
  expect((await failed[Symbol.asyncIterator]().next()).done).toBe(true);
});
