/** The angle in [-pi, pi) that differs from `angle` (radians) by a multiple of 2 pi. */
export function wrapAngle(angle: number): number {
  const wrapped = angle - 2 * Math.PI * Math.floor((angle + Math.PI) / (2 * Math.PI));
  // Just below an odd multiple of pi, rounding of the sum counts one turn too many.
  return wrapped < -Math.PI ? wrapped + 2 * Math.PI : wrapped;
}
