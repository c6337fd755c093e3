import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { Metronome } from "./metronome.ts";

const never = new AbortController().signal;

test("all who wait for an interval are woken in one moment, and its beats do not come faster than it", async () => {
  const metronome = new Metronome();
  const intervalMs = 20;
  const beats: number[] = [];
  for (let i = 0; i < 25; i++) {
    // A busy event loop looks at the clock late, which makes its timers early.
    const until = performance.now() + 7;
    while (performance.now() < until);
    const order: string[] = [];
    const waiting = ["a", "b", "c"].map((name) =>
      metronome.beat(intervalMs, never).then(() => order.push(name)),
    );
    await Promise.all([
      ...waiting,
      metronome.beat(intervalMs, never).then(() => beats.push(performance.now())),
    ]);
    expect(order).toEqual(["a", "b", "c"]);
  }
  const turns = beats.map((at) => Math.floor(at / intervalMs));
  expect(new Set(turns).size).toBe(beats.length);
});

test("whoever goes away is not kept until the beat, and leaves nothing behind", async () => {
  const metronome = new Metronome();
  const controller = new AbortController();
  const began = performance.now();
  const waiting = metronome.beat(60_000, controller.signal);
  controller.abort();
  await waiting;
  await metronome.beat(60_000, controller.signal);
  expect(performance.now() - began).toBeLessThan(1_000);
  expect(getEventListeners(controller.signal, "abort")).toEqual([]);
});
