import type { FieldViolation, GrokboxError, SweepOptions } from "@grokbox/sdk";
import { snakeCase } from "../measures.ts";

type Grid = Pick<SweepOptions, "grid">;

/** What the server refuses of a file, in its words: its fields come from no flags. */
export class FileRefusal extends Error {
  override readonly name = "FileRefusal";
  override readonly cause: GrokboxError;
  readonly violations: readonly FieldViolation[];

  constructor(refusal: GrokboxError, options: Grid) {
    super(refusal.message);
    this.cause = refusal;
    this.violations = inWordsOfFile(refusal.violations, options);
  }
}

/** The same violations, each field named as the file has it: `grid.modulus[3]` of `definition.grid.axes[1].values[3]`. */
export function inWordsOfFile(violations: readonly FieldViolation[], { grid = {} }: Grid): FieldViolation[] {
  const names = Object.keys(grid).map(snakeCase);
  return violations.map(({ field, description }) => ({
    field: fieldOf(field, names),
    description: description.replaceAll(/(?:definition\.)?grid\.axes\[\S*/g, (other) =>
      fieldOf(other, names),
    ),
  }));
}

/** @param names - of the grid's axes */
function fieldOf(field: string, names: readonly string[]): string {
  return field
    .replace(/^definition\./, "")
    .replace(/^plan\./, "")
    .replace(/^grid\.(preset|base)/, (_, name) => (name === "base" ? "base" : "base.preset"))
    .replace(/^grid\.axes\[(\d+)\](?:\.(?:values|names|parameter))?/, (whole, i) => {
      const name = names[Number(i)];
      return name === undefined ? whole : `grid.${name}`;
    })
    .replace(/^grid\.axes$/, "grid")
    .replace(/^list\.specs/, "specs")
    .replace(/^(specs\[\d+\])\.spec\b/, "$1");
}
