import { extname } from "node:path";
import type { ProgressPoint, SessionInfo } from "@grokbox/sdk";

export type HistoryFormat = "csv" | "jsonl" | "parquet";

export const historyFormats: readonly HistoryFormat[] = ["csv", "jsonl", "parquet"];

/** Writes points as a file, piece by piece. */
export type Encoder = (
  points: AsyncIterable<ProgressPoint>,
  session: SessionInfo,
) => AsyncIterable<Uint8Array>;

/** Of a file's name, by its extension; undefined for one that says nothing. */
export function historyFormatOf(path: string): HistoryFormat | undefined {
  const extension = extname(path).slice(1).toLowerCase();
  if (["ndjson", "jsonlines"].includes(extension)) return "jsonl";
  return historyFormats.find((format) => format === extension);
}

/** Loaded only when needed. */
export async function encoderOf(format: HistoryFormat): Promise<Encoder> {
  switch (format) {
    case "csv":
      return (await import("./csv.ts")).encodeCsv;
    case "jsonl":
      return (await import("./json-lines.ts")).encodeJsonLines;
    case "parquet":
      return (await import("./parquet.ts")).encodeParquet;
  }
}

/** In groups of so many; the last may be smaller. */
export async function* groups<T>(
  items: AsyncIterable<T>,
  most: number,
): AsyncGenerator<T[], void, undefined> {
  let group: T[] = [];
  for await (const item of items) {
    if (group.push(item) < most) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
