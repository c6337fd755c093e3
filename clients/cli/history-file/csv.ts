import { historyColumns } from "./columns.ts";
import { type Encoder, groups } from "./formats.ts";

const rowsAPiece = 500;

/** A header and a line a point. Numbers have all of their digits; what a point does not have is an empty field. */
export const encodeCsv: Encoder = async function* (points) {
  const encoder = new TextEncoder();
  const line = (fields: readonly (number | string)[]) => `${fields.join(",")}\n`;
  yield encoder.encode(line(historyColumns.map(({ name }) => name)));
  for await (const group of groups(points, rowsAPiece)) {
    const lines = group.map((point) => line(historyColumns.map(({ value }) => value(point) ?? "")));
    yield encoder.encode(lines.join(""));
  }
};
