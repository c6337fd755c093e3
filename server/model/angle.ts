/** The angle in [-pi, pi) that differs from `angle` (radians) by a multiple of 2 pi. */
export function wrapAngle(angle: number): number {
  // A float64 2 pi is wrong after many turns; sines and cosines are not.
  const near = Math.abs(angle) < 4 * Math.PI ? angle : Math.atan2(Math.sin(angle), Math.cos(angle));
  const wrapped = near - 2 * Math.PI * Math.floor((near + Math.PI) / (2 * Math.PI));
  // Just below an odd multiple of pi, rounding of the sum counts one turn too many.
  return wrapped < -Math.PI ? wrapped + 2 * Math.PI : wrapped;
}

/** The largest float32 below pi: the nearest one to pi is above it. */
const largestAngle = Math.fround(Math.PI) - 2 ** -22;

/** The float32 in [-pi, pi) that is nearest to an angle there (radians): rounding alone would take the ends out of it. */
export function float32Angle(angle: number): number {
  const rounded = Math.fround(angle);
  return Math.abs(rounded) > largestAngle ? Math.sign(rounded) * largestAngle : rounded;
}
