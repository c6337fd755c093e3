import type { TopLevelSpec } from "vega-lite";
import { colours } from "./palette.ts";
import type { heading } from "./title.ts";

/** A column of a table: its title, and how wide it is. */
export interface TableColumn {
  readonly title: string;
  readonly width: number;
}

const rowHeight = 24;

/** A table as a drawing: text in columns, a rule under the titles. */
export function tableSpec(
  title: ReturnType<typeof heading>,
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
): TopLevelSpec {
  const lefts = columns.map((_, i) => columns.slice(0, i).reduce((sum, { width }) => sum + width, 0));
  const width = columns.reduce((sum, column) => sum + column.width, 0);
  const height = (rows.length + 1) * rowHeight;
  const cells = [columns.map((column) => column.title), ...rows].flatMap((texts, row) =>
    texts.map((text, column) => ({
      x: lefts[column]! + 6,
      y: (row + 0.5) * rowHeight,
      text,
      weight: row === 0 ? "bold" : "normal",
    })),
  );
  const across = { type: "quantitative" as const, scale: { domain: [0, width], nice: false }, axis: null };
  const down = { type: "quantitative" as const, scale: { domain: [height, 0], nice: false }, axis: null };
  return {
    title,
    width,
    height,
    view: { stroke: null },
    layer: [
      ...(["normal", "bold"] as const).map((weight) => ({
        data: { values: cells.filter((cell) => cell.weight === weight) },
        mark: { type: "text" as const, align: "left" as const, fontSize: 12, fontWeight: weight },
        encoding: {
          x: { field: "x", ...across },
          y: { field: "y", ...down },
          text: { field: "text", type: "nominal" as const },
        },
      })),
      {
        data: { values: [{ y: rowHeight, x: 0, end: width }] },
        mark: { type: "rule", color: colours.grey },
        encoding: { x: { field: "x", ...across }, x2: { field: "end" }, y: { field: "y", ...down } },
      },
    ],
  };
}
