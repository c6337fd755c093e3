import type { ProgressPoint } from "@grokbox/sdk";
import type { Zoom } from "../link.ts";

export type Range = readonly [number, number];

const roundSteps = [1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

/** The next round number: an axis that ends there moves now and then, and not with every point. */
export function roundUp(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * roundSteps.find((each) => each * power >= value * (1 - 1e-12))!;
}

/**
 * The steps that an axis shows.
 *
 * @param steps - recorded, increasing
 * @param zoom - shown as it is, but for step 0, which a logarithmic axis hasn't
 */
export function stepRange(
  steps: readonly Pick<ProgressPoint, "step">[],
  linear: boolean,
  zoom: Zoom | undefined,
): Range {
  const first = steps.find(({ step }) => step > 0)?.step ?? 1;
  if (zoom !== undefined)
    return [linear ? zoom.first : Math.max(zoom.first, Math.min(first, zoom.last / 2)), zoom.last];
  const from = steps[0]?.step ?? 0;
  // Logarithms need some room to grow into, but what begins late would be pressed together by another decade.
  const least = linear || from > 0 ? from + 1 : first * 10;
  return [linear ? from : first, roundUp(Math.max(steps.at(-1)?.step ?? 0, least))];
}

/** Decades that hold all values: from a power of ten to one. Values that have no logarithm are left out. */
export function decades(low: number | null | undefined, high: number | null | undefined): Range {
  if (!(low! > 0) || !(high! > 0)) return [0.1, 1];
  const from = Math.floor(Math.log10(low!) + 1e-9);
  const to = Math.ceil(Math.log10(high!) - 1e-9);
  return [10 ** from, 10 ** Math.max(to, from + 1)];
}

const mantissas = [[1, 2, 5], [1, 3], [1]] as const;

/**
 * Round numbers to mark on a logarithmic axis: a few in each decade, or decades alone, or only some of those; and equally far apart where
 * there is hardly a decade.
 *
 * @param most - marks that there is room for, 2 or more
 * @param mostEven - the same where they are equally far apart, with longer labels
 */
export function roundSplits(low: number, high: number, most: number, mostEven = most): number[] {
  if (high / low < 5) return evenSplits(low, high, mostEven);
  const first = Math.floor(Math.log10(low) + 1e-9);
  const length = Math.floor(Math.log10(high) + 1e-9) - first + 1;
  const powers = Array.from({ length }, (_, i) => first + i);
  const within = (mark: number) => mark >= low * (1 - 1e-9) && mark <= high * (1 + 1e-9);
  for (const each of mantissas) {
    const marks = powers
      .flatMap((power) => each.map((mantissa) => Number(`${mantissa}e${power}`)))
      .filter(within);
    if (marks.length <= most) return marks;
  }
  const every = Math.ceil(powers.length / most);
  return powers
    .filter((power) => power % every === 0)
    .map((power) => Number(`1e${power}`))
    .filter(within);
}

function evenSplits(low: number, high: number, most: number): number[] {
  const rough = (high - low) / most;
  const power = Math.floor(Math.log10(rough));
  const mantissa = [1, 2, 5, 10].find((each) => each * 10 ** power >= rough * (1 - 1e-9))!;
  const distance = mantissa * 10 ** power;
  const first = Math.ceil(low / distance - 1e-9);
  const length = Math.floor(high / distance + 1e-9) - first + 1;
  return Array.from({ length }, (_, i) => Number(((first + i) * distance).toPrecision(12)));
}
