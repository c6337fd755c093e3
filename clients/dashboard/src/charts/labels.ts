import { count } from "../../../cli/numbers.ts";

/**
 * 500, 1k, 20k, 1.5M; or 49,991 and the like where marks are closer together than that tells apart.
 *
 * @param steps - whole; null where a mark has no label
 */
export function stepLabels(steps: readonly (number | null)[]): string[] {
  const isShort = steps.every((step) => step === null || step < 1_000 || step % (sizeOf(step) / 100) === 0);
  return steps.map((step) => {
    if (step === null) return "";
    if (step < 1_000 || !isShort) return count(step);
    const size = sizeOf(step);
    return `${step / size}${size === 1_000 ? "k" : "M"}`;
  });
}

const sizeOf = (step: number) => (step < 1e6 ? 1_000 : 1e6);

const superscripts = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** 0.3, 20, 10⁻⁵, 2.5·10⁵ */
export function valueLabel(value: number | null): string {
  if (value === null) return "";
  const exact = Number(value.toPrecision(6));
  if (value === 0 || (value >= 0.001 && value < 100_000)) return String(exact);
  const [mantissa = "", power = ""] = exact.toExponential().split("e");
  const digits = [...String(Math.abs(Number(power)))].map((digit) => superscripts[Number(digit)]).join("");
  return `${mantissa === "1" ? "" : `${mantissa}·`}10${Number(power) < 0 ? "⁻" : ""}${digits}`;
}
