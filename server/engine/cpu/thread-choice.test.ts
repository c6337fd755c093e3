import { expect, test } from "vitest";
import { ThreadChoice } from "./thread-choice.ts";

/** Milliseconds a step on so many threads. */
type Machine = (threads: number) => number;

const useful = 8;
const free: Machine = (threads) => 1 / threads ** 0.8;
/** A thread too many waits for a time slice of another program's once in a while. */
const busy =
  (others: number): Machine =>
  (threads) =>
    free(threads) + (threads > useful - others ? 4 : 0);

/** Trains for so long in pieces of up to 20 ms, and says what share it made of the steps of so many threads. */
function share(choice: ThreadChoice, machine: Machine, ms: number, best: number): number {
  let [spent, made] = [0, 0];
  while (spent < ms) {
    const threads = Math.min(useful, choice.threads);
    const steps = Math.min(choice.steps, Math.ceil(20 / machine(threads)));
    const milliseconds = steps * machine(threads);
    choice.learn({ threads, steps, milliseconds });
    made += steps;
    spent += milliseconds;
  }
  return (made / spent) * machine(best);
}

test("on a machine of its own a trainer has all threads for 99 of 100 steps", () => {
  expect(share(new ThreadChoice(), free, 60_000, useful)).toBeGreaterThan(0.99);
});

test.each([
  [1, 4],
  [5, 2],
  [7, 1],
])(
  "beside others on %i processors it has %i threads after a moment, and all again when they have ended",
  (others, best) => {
    const choice = new ThreadChoice();
    share(choice, free, 10_000, useful);
    share(choice, busy(others), 2_000, best);
    expect(choice.threads).toBe(best);
    expect(share(choice, busy(others), 60_000, best)).toBeGreaterThan(0.85);
    share(choice, free, 15_000, useful);
    expect(share(choice, free, 60_000, useful)).toBeGreaterThan(0.98);
  },
);

test("a trainer that begins beside others finds out as well", () => {
  const choice = new ThreadChoice();
  share(choice, busy(4), 1_000, 4);
  expect(choice.threads).toBe(4);
});

test("a network that has one thread anyway, and pieces of which others had threads, are nothing to learn from", () => {
  const choice = new ThreadChoice();
  /** What it has wanted after each of many such pieces. */
  const wanted = (threads: number) => {
    const all = new Set<number>();
    for (let i = 0; i < 1_000; i++) {
      choice.learn({ threads, steps: 10, milliseconds: 50 });
      all.add(choice.threads).add(choice.steps);
    }
    return [...all];
  };
  expect(wanted(1)).toEqual([Number.POSITIVE_INFINITY]);
  choice.learn({ threads: 8, steps: 10, milliseconds: 5 });
  expect(wanted(2)).toEqual([Number.POSITIVE_INFINITY]);
});
