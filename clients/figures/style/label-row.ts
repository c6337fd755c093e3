import { textWidth } from "../render/text-width.ts";

/** Between two labels, pixels. */
const gap = 8;

/**
 * Where the middles of labels in one row go, from left to right: each to its own, pushed aside as far as is needed for none to touch
 * another or to leave the row, which must have room for all of them.
 *
 * @param width - of the row, pixels, as are the middles
 */
export function labelRow(
  labels: readonly { readonly text: string; readonly middle: number }[],
  width: number,
  fontSize: number,
): number[] {
  const sizes = labels.map(({ text }) => textWidth(text, fontSize, false));
  let free = 0;
  const lefts = labels.map(({ middle }, i) => {
    const left = Math.max(free, middle - sizes[i]! / 2);
    free = left + sizes[i]! + gap;
    return left;
  });
  let end = width;
  for (let i = lefts.length - 1; i >= 0; i--) {
    lefts[i] = Math.min(lefts[i]!, end - sizes[i]!);
    end = lefts[i]! - gap;
  }
  return lefts.map((left, i) => left + sizes[i]! / 2);
}
