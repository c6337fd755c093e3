/**
 * The order in which neurons are shown: by dominant frequency, and among those of one by how much of their energy is at it, so that a
 * spectrum shows as a staircase, with each stair sharpest at its top.
 *
 * @param frequency - dominant one of each row, 1 to K; rows without one (0) are shown first
 * @param fit - share of its energy there, 0 to 1
 * @returns rows, the first one shown first
 */
export function neuronOrder(frequency: ArrayLike<number>, fit: ArrayLike<number>): Uint32Array {
  return Uint32Array.from({ length: frequency.length }, (_, row) => row).sort(
    (a, b) => frequency[a]! - frequency[b]! || fit[b]! - fit[a]! || a - b,
  );
}

/** Neurons to look at when there are too many for the eye and the wire: evenly spread over all. */
export function chosenNeurons(width: number, most: number): number[] {
  const count = Math.min(width, most);
  return Array.from({ length: count }, (_, i) => Math.floor((i * width) / count));
}
