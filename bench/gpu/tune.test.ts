import { expect, it } from "vitest";
import { TimedBench, wide } from "./testing/timed-bench.ts";
import { tuneTiled } from "./tune.ts";

it("tries a wide network's kernels in every tile with one buffer and with two, each with the best before", async () => {
  const bench = new TimedBench(({ forward, xi, theta }) => ({
    ...(forward?.buffers && { "tiled-forward": 250 }),
    ...(xi?.depth && { "tiled-xi": 240 }),
    ...(theta?.slopesAtOnce && { "tiled-theta": theta.neuronQuads === 3 ? 290 : 300 }),
  }));
  const told = await Array.fromAsync(tuneTiled(wide, bench));
  const first = told.flatMap(({ tried }) => (tried && !tried.isAgain ? [tried.tuning] : []));
  // The default, but for it the ways of forward, xi and theta, and of two numbers of workgroups the other one.
  expect(first.length).toBe(1 + 5 + 5 + 19 + 1);
  expect(first[0]).toEqual({});
  expect(told.flatMap(({ kept }) => (kept ? [kept.kernels] : []))).toEqual([
    undefined,
    ["tiled-forward", "softmax"],
    ["tiled-xi", "tiled-update"],
    ["tiled-theta", "tiled-update"],
    undefined,
  ]);
  const { forward, xi, theta } = told.at(-1)!.outcome!.best.tuning;
  expect(forward?.buffers).toBe(2);
  expect(xi?.depth).toBe(16);
  expect(theta).toMatchObject({ neuronQuads: 3, slopesAtOnce: true });
  expect(bench.measured.at(-1)).toEqual({});
});
