/** Advance widths of DejaVu Sans in thousandths of the font size, by kinds of characters. */
const widths: readonly (readonly [RegExp, number])[] = [
  [/[ ,.:;'|iljI]/, 310],
  [/[()[\]/\\frt-]/, 390],
  [/[mw%MW@…]/, 900],
  [/[A-HJ-LN-VX-Z<>=+−×≥≤±~]/, 700],
];
const usual = 615;

/** About how wide a line of text is. Vega's own guess without a canvas is half as much again, which pushes panels apart. */
export function textWidth(text: string, fontSize: number, bold: boolean): number {
  let sum = 0;
  for (const character of text) sum += widths.find(([kind]) => kind.test(character))?.[1] ?? usual;
  return ((bold ? 1.13 : 1) * sum * fontSize) / 1000;
}
