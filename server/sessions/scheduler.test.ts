import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { expect, test } from "vitest";
import { GrokboxError } from "./errors.ts";
import { unobserved } from "./observer.ts";
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

test("sharers run side by side, one a part of the device, and take turns when there are more", async () => {
  const scheduler = new Scheduler("", unobserved, 2);
  const stop = new AbortController();
  const turns = [0, 0, 0, 0, 0];
  let running = 0;
  let most = 0;
  const train = async (_: number, i: number) => {
    const who = {};
    while (!stop.signal.aborted) {
      await scheduler.turn(
        "background",
        never,
        async (signal) => {
          running += 1;
          most = Math.max(most, running);
          turns[i]! += 1;
          await work(500, AbortSignal.any([signal, stop.signal]));
          running -= 1;
        },
        who,
      );
    }
  };
  const all = turns.map(train);
  await sleep(400);
  stop.abort();
  await Promise.all(all);
  expect(most).toBe(2);
  expect(Math.min(...turns)).toBeGreaterThan(3);
  expect(Math.max(...turns) - Math.min(...turns)).toBeLessThanOrEqual(2);
});

test("a sharer has the whole device while it is the only one, and a part as soon as another is there", async () => {
  const scheduler = new Scheduler("", unobserved, 4);
  const seen: number[] = [];
  const turn = (who: object, milliseconds: number) =>
    scheduler.turn(
      "background",
      never,
      async (signal, _, parts) => {
        seen.push(parts);
        await work(milliseconds, signal);
      },
      who,
    );
  const [a, b] = [{}, {}];
  for (let i = 0; i < 3; i++) await turn(a, 1);
  expect(seen).toEqual([1, 1, 1]);
  // The first that b asks for waits for a's to end; a, just gone, is expected back.
  await Promise.all([turn(a, 500), turn(b, 1)]);
  await turn(a, 1);
  expect(seen.slice(3)).toEqual([1, 2, 2]);
  await sleep(20);
  await turn(a, 1);
  expect(seen.at(-1)).toBe(1);
});

test("a slice on a part of the device is longer, so that a session's share of it stays the same", async () => {
  const scheduler = new Scheduler("", unobserved, 4);
  const most = (sharer: object) =>
    scheduler.turn("background", never, async (_, mostMs, parts) => [parts, mostMs], sharer);
  const all = [{}, {}, {}];
  await Promise.all(all.map(most));
  expect(await Promise.all(all.map(most))).toEqual(all.map(() => [3, 30]));
});

test("parts of the device are never handed out twice, nor to anybody beside who needs all of it", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(
        fc.record({
          sharing: fc.boolean(),
          turns: fc.integer({ min: 1, max: 6 }),
          workMs: fc.integer({ min: 0, max: 4 }),
          pauseMs: fc.integer({ min: 0, max: 8 }),
          urgency: fc.constantFrom("background" as const, "background" as const, "interactive" as const),
        }),
        { minLength: 2, maxLength: 7 },
      ),
      async (parts, sessions) => {
        const scheduler = new Scheduler("", unobserved, parts);
        let taken = 0;
        const train = async ({ sharing, turns, workMs, pauseMs, urgency }: (typeof sessions)[number]) => {
          const who = {};
          for (let i = 0; i < turns; i++) {
            await scheduler.turn(
              urgency,
              never,
              async (signal, _, mine) => {
                if (!sharing || urgency === "interactive") expect(mine).toBe(1);
                taken += 1 / mine;
                expect(taken).toBeLessThan(1 + 1e-6);
                await work(workMs, signal);
                taken -= 1 / mine;
              },
              sharing ? who : undefined,
            );
            if (pauseMs > 0) await sleep(pauseMs);
          }
        };
        await Promise.all(sessions.map(train));
        expect(taken).toBeCloseTo(0);
        expect(scheduler.depth).toEqual({ interactive: 0, background: 0 });
      },
    ),
    { numRuns: 20 },
  );
});

test("who needs all of the device and those who share it get as much of it each", async () => {
  const scheduler = new Scheduler("", unobserved, 2);
  const stop = new AbortController();
  const spent = [0, 0, 0];
  const train = async (_: number, i: number) => {
    const sharer = i === 0 ? undefined : {};
    while (!stop.signal.aborted) {
      await scheduler.turn(
        "background",
        never,
        async (signal, _mostMs, parts) => {
          const began = performance.now();
          await work(500, AbortSignal.any([signal, stop.signal]));
          spent[i]! += (performance.now() - began) / parts;
        },
        sharer,
      );
    }
  };
  const all = spent.map(train);
  await sleep(900);
  stop.abort();
  await Promise.all(all);
  const total = spent.reduce((a, b) => a + b);
  for (const each of spent) expect(each / total).toBeGreaterThan(0.2);
});

test("an interactive turn cuts a whole cohort short, and has the device to itself", async () => {
  const scheduler = new Scheduler("", unobserved, 3);
  const stop = new AbortController();
  let running = 0;
  const train = async () => {
    const who = {};
    while (!stop.signal.aborted) {
      await scheduler.turn(
        "background",
        never,
        async (signal) => {
          running += 1;
          await work(5_000, AbortSignal.any([signal, stop.signal]));
          running -= 1;
        },
        who,
      );
    }
  };
  const all = [train(), train(), train()];
  await sleep(60);
  expect(running).toBe(3);
  const began = performance.now();
  await scheduler.turn("interactive", never, async (_signal, _mostMs, parts) => {
    expect(running).toBe(0);
    expect(parts).toBe(1);
  });
  expect(performance.now() - began).toBeLessThan(1_000);
  stop.abort();
  await Promise.all(all);
});

test("while there is interactive work there are no cohorts", async () => {
  const scheduler = new Scheduler("", unobserved, 2);
  await scheduler.turn("interactive", never, async () => {});
  const parts = await Promise.all(
    [{}, {}].map((who) => scheduler.turn("background", never, async (_signal, _mostMs, mine) => mine, who)),
  );
  expect(parts).toEqual([1, 1]);
});

test("one of a cohort that fails, or is called off, disturbs no other", async () => {
  const scheduler = new Scheduler("", unobserved, 3);
  const off = new AbortController();
  const turn = (slice: (signal: AbortSignal) => Promise<unknown>, signal = never) =>
    scheduler.turn("background", signal, slice, {});
  // Cut short when the others come; then those have a third each.
  const first = turn((signal) => work(500, signal));
  const results = await Promise.allSettled([
    turn(() => Promise.reject(new Error("no"))),
    turn(async (signal) => {
      setTimeout(() => off.abort(), 2);
      return work(500, signal);
    }, off.signal),
    turn((signal) => work(5, signal)),
    turn((signal) => work(5, signal)),
  ]);
  await first;
  expect(results[0]).toMatchObject({ status: "rejected", reason: new Error("no") });
  expect((results[1] as PromiseFulfilledResult<number>).value).toBeLessThan(300);
  expect(results.slice(2)).toEqual([1, 2].map(() => ({ status: "fulfilled", value: 5 })));
});
