/** A Markdown table; columns of numbers are on the right. */
export function table(
  columns: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): string {
  const cells = rows.map((row) => row.map((cell) => `${cell ?? "-"}`.replaceAll("|", "\\|")));
  const isNumber = columns.map((_, i) => cells.every((row) => /^[-\d.,%x ]*$/.test(row[i])));
  const lines = [columns, isNumber.map((right) => (right ? "---:" : "---")), ...cells];
  return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
}

/** Three or four digits that mean something. */
export function digits(value: number | null): string | null {
  if (value === null) return null;
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}

export function percent(share: number | null): string | null {
  return share === null ? null : `${(share * 100).toFixed(1)}%`;
}

export function mebibytes(bytes: number | null): string | null {
  return bytes === null ? null : (bytes / 2 ** 20).toFixed(0);
}

export function times(ratio: number | null): string | null {
  return ratio === null ? null : `${ratio.toFixed(2)}x`;
}
