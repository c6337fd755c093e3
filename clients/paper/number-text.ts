/** A measured number for people; `-` for none. */
export function show(value: number | null | undefined, digits = 6): string {
  if (value === null || value === undefined) return "-";
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) < 1e-3 ? value.toExponential(digits - 1) : value.toPrecision(digits);
}

/** Significant digits for a measured value beside a printed one: a digit more, and no fewer than `least`. */
export function digitsOf(printed: string, least = 5): number {
  const [mantissa = ""] = printed.split("e");
  return Math.max(least, mantissa.replace(/[-.]/g, "").replace(/^0+/, "").length + 1);
}
