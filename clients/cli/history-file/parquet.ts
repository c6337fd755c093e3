import type { ProgressPoint } from "@grokbox/sdk";
import { ByteWriter, type ColumnSource, ParquetWriter, schemaFromColumnData } from "hyparquet-writer";
import { type HistoryColumn, historyColumns } from "./columns.ts";
import { type Encoder, groups } from "./formats.ts";

const rowsAGroup = 10_000;

const types = { integer: "INT64", real: "DOUBLE", text: "STRING" } as const;

/**
 * Apache Parquet, Snappy-compressed, with the columns of the CSV. What a point does not have is null. The session's name and its spec,
 * as JSON, are in the file's metadata as `grokbox.session` and `grokbox.spec`.
 */
export const encodeParquet: Encoder = async function* (points, { name, spec }) {
  const writer = new ByteWriter();
  const parquet = new ParquetWriter({
    writer,
    schema: schemaFromColumnData({ columnData: columnsOf([]) }),
    createdBy: "grokbox",
    kvMetadata: [
      { key: "grokbox.session", value: name },
      { key: "grokbox.spec", value: JSON.stringify(spec) },
    ],
  });
  for await (const group of groups(points, rowsAGroup)) {
    await parquet.write({ columnData: columnsOf(group), rowGroupSize: rowsAGroup });
    yield taken(writer);
  }
  await parquet.finish();
  yield taken(writer);
};

function columnsOf(points: readonly ProgressPoint[]): ColumnSource[] {
  return historyColumns.map((column) => ({
    name: column.name,
    type: types[column.type],
    nullable: column.type !== "integer",
    data: points.map((point) => cell(column, point)),
  }));
}

function cell({ type, value }: HistoryColumn, point: ProgressPoint): bigint | number | string | null {
  const found = value(point);
  return type === "integer" ? BigInt(found ?? 0) : (found ?? null);
}

/** What was written since; the writer keeps its place in the file and forgets the bytes. */
function taken(writer: ByteWriter): Uint8Array {
  const bytes = writer.getBytes().slice();
  writer.index = 0;
  return bytes;
}
