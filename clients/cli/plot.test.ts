import { expect, test } from "vitest";
import { frequencyBars } from "./frequency-bars.ts";
import { plain } from "./output.ts";
import { bar, plot } from "./plot.ts";

const options = {
  title: "loss",
  width: 30,
  height: 4,
  formatX: String,
  formatY: (y: number) => y.toFixed(1),
} as const;

test("lines run from their first points to their last, with their names and the axes' ends beside them", () => {
  const line = (label: string, ...points: (readonly [number, number])[]) =>
    ({ label, color: "cyan", points }) as const;
  expect(plot([line("train", [0, 0], [100, 2]), line("test", [0, 0], [50, 2], [100, 2])], options)).toEqual([
    "loss",
    "2.0 ┤       ⢀⠤⠊⠉⠉⠉⠉⢉⡩⠭⠛⠉ train",
    "    │     ⡠⠔⠁ ⢀⡠⠤⠒⠉⠁     test",
    "    │  ⢀⠔⢊⣀⠤⠒⠊⠁",
    "0.0 ┤⣠⠶⠓⠊⠁",
    "     0               100",
  ]);
});

test("a logarithmic plot leaves out that zero has no logarithm", () => {
  const line = { label: "x", color: "cyan", points: [[0, 1] as const, [1, 0] as const] } as const;
  expect(plot([line], { ...options, isLogarithmic: true })).toHaveLength(6);
  const zero = { ...line, points: [[0, 0] as const] };
  expect(plot([zero], { ...options, isLogarithmic: true })).toEqual([]);
});

test("nothing to plot is nothing", () => {
  expect(plot([], options)).toEqual([]);
});

test("bars are drawn to an eighth, and something is never nothing", () => {
  expect([0, 1e-9, 0.5, 0.5625, 1].map((share) => bar(share, 2))).toEqual(["", "▏", "█", "█▏", "██"]);
});

test("many frequencies are shown in columns that fit", () => {
  const neurons = Array.from({ length: 48 }, (_, i) => i);
  for (const width of [60, 80, 100]) {
    const lines = frequencyBars(neurons, width, plain);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    expect(lines.join(" ").match(/k +\d+/g)).toHaveLength(48);
  }
  expect(frequencyBars([3, 0], 80, plain)).toHaveLength(2);
});
