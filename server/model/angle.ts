/** The angle in [-pi, pi) that differs from `angle` (radians) by a multiple of 2 pi. */
export function wrapAngle(angle: number): number {
  const wrapped = angle - 2 * Math.PI * Math.floor((angle + Math.PI) / (2 * Math.PI));
  // Rounding can put an angle just below -pi on the excluded end.
  return wrapped >= Math.PI ? -Math.PI : wrapped;
}
