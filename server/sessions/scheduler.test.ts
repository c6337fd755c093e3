import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { GrokboxError } from "./errors.ts";
import { longestSliceMs, Scheduler } from "./scheduler.ts";

const never = new AbortController().signal;

/** A slice that works in steps of a millisecond until it is asked to end. */
async function work(milliseconds: number, signal: AbortSignal): Promise<number> {
  let done = 0;
  while (done < milliseconds && !signal.aborted) {
    await sleep(1);
    done += 1;
  }
  return done;
}

test("only one slice runs at a time", async () => {
  const scheduler = new Scheduler();
  let running = 0;
  await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      scheduler.turn(i % 3 === 0 ? "interactive" : "background", never, async () => {
        running += 1;
        expect(running).toBe(1);
        await sleep(1);
        running -= 1;
      }),
    ),
  );
});

test("background turns alternate between those who ask again", async () => {
  const scheduler = new Scheduler();
  const order: string[] = [];
  const ask = async (name: string) => {
    for (let i = 0; i < 5; i++) {
      await scheduler.turn("background", never, async () => {
        order.push(name);
        await sleep(1);
      });
    }
  };
  await Promise.all([ask("a"), ask("b")]);
  expect(order.join("")).toMatch(/^(ab){4,5}|(ba){4,5}/);
});

test("a long slice ends after its share once somebody else waits", async () => {
  const scheduler = new Scheduler();
  const began = performance.now();
  const long = scheduler.turn("background", never, (signal) => work(500, signal));
  await sleep(2);
  await scheduler.turn("background", never, async () => {});
  expect(performance.now() - began).toBeLessThan(300);
  expect(await long).toBeGreaterThan(2);
});

test("an interactive turn cuts a background slice short", async () => {
  const scheduler = new Scheduler();
  const long = scheduler.turn("background", never, (signal) => work(500, signal));
  await sleep(5);
  await scheduler.turn("interactive", never, async () => {});
  expect(await long).toBeLessThan(400);
});

test("interactive turns without end leave background work its half of the time", async () => {
  const scheduler = new Scheduler();
  const stop = new AbortController();
  const spent = { interactive: 0, background: 0 };
  const flood = async (urgency: "interactive" | "background") => {
    while (!stop.signal.aborted) {
      await scheduler.turn(urgency, never, async (signal) => {
        const began = performance.now();
        await work(5, signal);
        spent[urgency] += performance.now() - began;
      });
    }
  };
  const all = [flood("interactive"), flood("interactive"), flood("background")];
  await sleep(600);
  stop.abort();
  await Promise.all(all);
  expect(spent.background / (spent.background + spent.interactive)).toBeGreaterThan(0.3);
});

test("after an interactive turn the device waits a little for its caller, and goes on when nobody comes", async () => {
  const scheduler = new Scheduler();
  const order: string[] = [];
  const turn = (urgency: "interactive" | "background", name: string) =>
    scheduler.turn(urgency, never, async () => void order.push(name));
  const first = turn("interactive", "first");
  const background = turn("background", "background");
  await first;
  await turn("interactive", "second");
  await background;
  expect(order).toEqual(["first", "second", "background"]);
});

test("background slices are to be short while there is interactive work, and long again afterwards", async () => {
  const scheduler = new Scheduler();
  const most = () => scheduler.turn("background", never, async (_, mostMs) => mostMs);
  expect(await most()).toBe(longestSliceMs);
  await scheduler.turn("interactive", never, async () => {});
  expect(await most()).toBeLessThan(5);
  await sleep(100);
  expect(await most()).toBe(longestSliceMs);
});

test("who gives up while waiting is told so and never runs; the others do", async () => {
  const scheduler = new Scheduler();
  const first = scheduler.turn("background", never, (signal) => work(20, signal));
  const controller = new AbortController();
  const given = scheduler.turn("background", controller.signal, async () => expect.unreachable());
  const last = scheduler.turn("background", never, async () => "last");
  controller.abort();
  await expect(given).rejects.toBeInstanceOf(GrokboxError);
  expect(await last).toBe("last");
  await first;
});

test("a slice that fails gives the device back", async () => {
  const scheduler = new Scheduler();
  await expect(scheduler.turn("background", never, () => Promise.reject(new Error("no")))).rejects.toThrow(
    "no",
  );
  expect(await scheduler.turn("background", never, async () => 1)).toBe(1);
});
