/**
 * Which rows a drawing of fewer pixel rows shows: evenly spread, the first and the last among them.
 *
 * @returns increasing, min(rows, pixels) of them
 */
export function chosenRows(rows: number, pixels: number): number[] {
  const count = Math.max(0, Math.min(rows, Math.floor(pixels)));
  if (count === 1) return [0];
  return Array.from({ length: count }, (_, i) => Math.round((i * (rows - 1)) / (count - 1)));
}
