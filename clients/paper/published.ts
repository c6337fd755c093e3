import type { RunName } from "./runs.ts";
import type { Tolerance } from "./tolerance.ts";

/** What a number holds for: the published runs as they are, or whatever p and seed are asked for. */
export type Scope = "published runs" | "always";

/** One published number, and how far a measured one may be from it. */
export interface Published {
  /** Unique; made of the next three. */
  readonly id: string;
  /** The session that it is read off, or what else it is of. */
  readonly of: RunName | Topic;
  /** Step or state that it is of. */
  readonly where: string;
  readonly measure: string;
  /** Heading that it is published under. */
  readonly section: string;
  readonly scope: Scope;
  /** Updates that the session has made then. Absent when no training is needed. */
  readonly step?: number;
  /** As it is printed; empty when nothing is published of this measure. */
  readonly value: string;
  readonly tolerance: Tolerance;
  /** Why this tolerance, where none is published. */
  readonly because?: string;
}

/** What is published of no single run. */
export type Topic =
  | "cost"
  | "width"
  | "demo"
  | "worked example"
  | "flow"
  | "contour"
  | "ideal network"
  | "pure cosine";

export function idOf(of: Published["of"], where: string, measure: string): string {
  return [of, where, measure].map(slug).join(".");
}

function slug(text: string): string {
  return text
    .replace(/([a-z])([A-Z])/g, "$1-$2")
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, "-")
    .replace(/^-|-$/g, "");
}

type Row = readonly [measure: string, value: string, tolerance: Tolerance];

/** Published numbers that have all but the measure, the value and the tolerance in common. */
export function rows(
  common: Pick<Published, "of" | "where" | "section"> &
    Partial<Pick<Published, "scope" | "step" | "because">>,
  values: readonly Row[],
): Published[] {
  return values.map(([measure, value, tolerance]) => ({
    scope: "published runs",
    ...common,
    id: idOf(common.of, common.where, measure),
    measure,
    value,
    tolerance,
  }));
}
