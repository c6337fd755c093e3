import { count } from "./numbers.ts";
import type { Style } from "./output.ts";
import { bar } from "./plot.ts";

/** More frequencies than this are shown in several columns. */
const tallest = 24;
const gap = "   ";

/** A bar for each frequency 1..K, with how many neurons have it as their dominant one. */
export function frequencyBars(neurons: readonly number[], width: number, style: Style): string[] {
  const most = Math.max(1, ...neurons);
  const keyWidth = Math.max(2, String(neurons.length).length);
  const countWidth = Math.max(3, count(most).length);
  const fixed = keyWidth + 2 + countWidth + 2;
  const columns = neurons.length > tallest ? Math.max(1, Math.floor(width / (fixed + 10 + gap.length))) : 1;
  const rows = Math.ceil(neurons.length / columns);
  const barWidth = Math.min(60, Math.floor((width - (columns - 1) * gap.length) / columns) - fixed);
  const cell = (i: number): string => {
    const value = neurons[i];
    if (value === undefined) return "";
    const drawn = bar(value / most, barWidth);
    const key = style("dim", `k ${String(i + 1).padStart(keyWidth)}`);
    return `${key} ${count(value).padStart(countWidth)} ${style("cyan", drawn)}${" ".repeat(barWidth - drawn.length)}`;
  };
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => cell(column * rows + row))
      .join(gap)
      .trimEnd(),
  );
}
