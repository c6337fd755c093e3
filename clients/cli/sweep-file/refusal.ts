import type { FieldViolation, SweepOptions } from "@grokbox/sdk";
import { snakeCase } from "../measures.ts";

/** The same violations, each field named as the file has it: `grid.modulus[3]` of `definition.grid.axes[1].values[3]`. */
export function inWordsOfFile(
  violations: readonly FieldViolation[],
  { grid = {} }: Pick<SweepOptions, "grid">,
): FieldViolation[] {
  const names = Object.keys(grid).map(snakeCase);
  return violations.map(({ field, description }) => ({
    field: field
      .replace(/^definition\./, "")
      .replace(/^plan\./, "")
      .replace(/^grid\.(preset|base)/, (_, name) => (name === "base" ? "base" : "base.preset"))
      .replace(/^grid\.axes\[(\d+)\](?:\.(?:values|names|parameter))?/, (whole, i) => {
        const name = names[Number(i)];
        return name === undefined ? whole : `grid.${name}`;
      })
      .replace(/^list\.specs/, "specs")
      .replace(/^(specs\[\d+\])\.spec\b/, "$1"),
    description,
  }));
}
