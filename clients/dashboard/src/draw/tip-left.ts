/** From the pointer to the tip, and from the tip to the window's edge, CSS pixels. */
const gap = 10;

/**
 * Where a tip begins: right of the pointer where there is room, else left of it, and where both are too narrow as near as the window
 * allows. CSS pixels from the window's left edge.
 */
export function tipLeft(pointer: number, width: number, window: number): number {
  const right = pointer + gap;
  if (right + width + gap <= window) return right;
  const left = pointer - gap - width;
  return left >= gap ? left : Math.max(gap, window - gap - width);
}
