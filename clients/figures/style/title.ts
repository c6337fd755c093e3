/** Heading of a figure: what it is, and of what. */
export function heading(
  text: string,
  subtitle: string | readonly string[],
): { text: string; subtitle: string[] } {
  return { text, subtitle: typeof subtitle === "string" ? [subtitle] : [...subtitle] };
}

/** Number of steps for people: 10,000. */
export const steps = (step: number): string => step.toLocaleString("en-US");

/** A measure for people: about four digits. */
export function digits(value: number | undefined): string {
  if (value === undefined) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  return (size >= 1e5 || size < 1e-3 ? value.toExponential(2) : value.toPrecision(4)).replace("-", "−");
}

/** An angle, radians, to three decimals. */
export const radians = (angle: number): string => angle.toFixed(3).replace("-", "−");
