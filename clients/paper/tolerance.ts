/** How far a measured value may be from a published one. */
export type Tolerance =
  /** Share of the published value. */
  | { readonly kind: "relative"; readonly share: number }
  | { readonly kind: "absolute"; readonly difference: number }
  /** Equal as far as it is printed. */
  | { readonly kind: "exact" }
  | { readonly kind: "range"; readonly least: number; readonly most: number }
  /** Published for comparison, with nothing to hold to. */
  | { readonly kind: "none" };

export const exact: Tolerance = { kind: "exact" };
export const none: Tolerance = { kind: "none" };

export function relative(share: number): Tolerance {
  return { kind: "relative", share };
}

export function absolute(difference: number): Tolerance {
  return { kind: "absolute", difference };
}

export function range(least: number, most: number): Tolerance {
  return { kind: "range", least, most };
}

/**
 * Whether `measured` is within the tolerance around a value as it was printed. Half a unit of the last digit printed comes on top, as
 * the published number itself may be off by that much.
 *
 * @returns undefined when there is nothing to hold to
 */
export function isWithin(measured: number, published: string, tolerance: Tolerance): boolean | undefined {
  const value = Number(published);
  const distance = Math.abs(measured - value);
  const rounding = roundingOf(published);
  switch (tolerance.kind) {
    case "relative":
      return distance <= tolerance.share * Math.abs(value) + rounding;
    case "absolute":
      return distance <= tolerance.difference + rounding;
    case "exact":
      return distance <= rounding;
    case "range":
      return measured >= tolerance.least && measured <= tolerance.most;
    case "none":
      return undefined;
  }
}

/** Half a unit of the last digit of a printed number, with a breath of slack for binary fractions. */
export function roundingOf(printed: string): number {
  const [mantissa = "", exponent = "0"] = printed.split("e");
  const decimals = mantissa.split(".")[1]?.length ?? 0;
  return 0.5 * 10 ** (Number(exponent) - decimals) * (1 + 1e-9);
}

export function describe(tolerance: Tolerance): string {
  switch (tolerance.kind) {
    case "relative":
      return `${Number((tolerance.share * 100).toPrecision(6))}%`;
    case "absolute":
      return `± ${tolerance.difference}`;
    case "exact":
      return "as printed";
    case "range":
      if (tolerance.least === tolerance.most) return "exactly";
      return tolerance.least === 0 ? `at most ${tolerance.most}` : `${tolerance.least} to ${tolerance.most}`;
    case "none":
      return "";
  }
}
