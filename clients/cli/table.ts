import { type Format, plain, type Style } from "./output.ts";

/** One column of rows `R`. */
export interface Column<R> {
  readonly title: string;
  readonly value: (row: R) => string;
  readonly align?: "left" | "right";
  readonly format?: (row: R) => Format | undefined;
  /** Columns with the highest go first where there is no room for all; those without never go. */
  readonly expendable?: number;
  /** May be cut short when it is the last. */
  readonly isFlexible?: boolean;
  /** At least so many characters; for tables whose rows are not known yet. */
  readonly width?: number;
}

export interface TableOptions {
  /** Columns of the terminal. @default unlimited */
  readonly width?: number;
  readonly style?: Style;
}

const gap = "  ";
/** Less of a text says nothing. */
const shortestCut = 24;

/** The header and a line for each row. Columns that are empty in all rows are left out. */
export function table<R>(
  rows: readonly R[],
  columns: readonly Column<R>[],
  options: TableOptions = {},
): string[] {
  const used = columns.filter(({ value }) => rows.some((row) => value(row) !== ""));
  const { header, row } = layout(used, rows, options);
  return [header, ...rows.map(row)];
}

/** The lines of a table that grows: every column has its `width`. */
export function layout<R>(
  columns: readonly Column<R>[],
  rows: readonly R[],
  { width = Number.POSITIVE_INFINITY, style = plain }: TableOptions,
): { readonly header: string; readonly row: (row: R) => string } {
  const widths = new Map(
    columns.map((column) => [
      column,
      Math.max(column.title.length, column.width ?? 0, ...rows.map((row) => column.value(row).length)),
    ]),
  );
  const kept = fit(columns, widths, width);
  const overflow = lineWidth(kept, widths) - width;
  const last = kept.at(-1);
  if (overflow > 0 && last !== undefined) widths.set(last, widths.get(last)! - overflow);
  const line = (text: (column: Column<R>) => string, format: (column: Column<R>) => Format | undefined) =>
    kept
      .map((column, i) => {
        const size = widths.get(column)!;
        const isLast = i === kept.length - 1 && column.align !== "right";
        const bare = column.isFlexible ? cut(text(column), size) : text(column);
        const padded = column.align === "right" ? bare.padStart(size) : isLast ? bare : bare.padEnd(size);
        const styled = format(column);
        return styled === undefined ? padded : style(styled, padded);
      })
      .join(gap)
      .trimEnd();
  return {
    header: line(
      ({ title }) => title,
      () => "dim",
    ),
    row: (row) =>
      line(
        (column) => column.value(row),
        (column) => column.format?.(row),
      ),
  };
}

function cut(text: string, size: number): string {
  return text.length > size ? `${text.slice(0, Math.max(0, size - 1))}…` : text;
}

/** What is left when those go that there is no room for; the last may be cut short rather than go. */
function fit<R>(
  columns: readonly Column<R>[],
  widths: ReadonlyMap<Column<R>, number>,
  width: number,
): Column<R>[] {
  const kept = [...columns];
  for (;;) {
    const overflow = lineWidth(kept, widths) - width;
    if (overflow <= 0) return kept;
    const last = kept.at(-1);
    if (last?.isFlexible && widths.get(last)! - overflow >= shortestCut) return kept;
    const least = kept.reduce<Column<R> | undefined>(
      (found, column) => ((column.expendable ?? 0) > (found?.expendable ?? 0) ? column : found),
      undefined,
    );
    if (least === undefined) return kept;
    kept.splice(kept.indexOf(least), 1);
  }
}

function lineWidth<R>(columns: readonly Column<R>[], widths: ReadonlyMap<Column<R>, number>): number {
  return columns.reduce((sum, column) => sum + widths.get(column)! + gap.length, -gap.length);
}

/** Names and values, one a line, the values below each other. */
export function properties(
  rows: readonly (readonly [name: string, value: string])[],
  style: Style = plain,
): string[] {
  const shown = rows.filter(([, value]) => value !== "");
  const width = Math.max(...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `  ${style("dim", name.padEnd(width))}  ${value}`);
}
