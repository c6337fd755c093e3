import { extname } from "node:path";
import type { SweepInfo, SweepRun } from "@grokbox/sdk";
import { UsageError } from "../usage-error.ts";
import { resultColumns } from "./columns.ts";

export type ResultsFormat = "csv" | "jsonl";

/** Of a file's name, by its extension. */
export function resultsFormatOf(path: string): ResultsFormat {
  const extension = extname(path).slice(1).toLowerCase();
  if (extension === "csv") return "csv";
  if (["jsonl", "ndjson", "jsonlines"].includes(extension)) return "jsonl";
  throw new UsageError(`${path} must end in .csv or .jsonl`);
}

/** Finished runs as a file, a line a run, in the order of their numbers. What a run does not have is an empty field in CSV. */
export async function* encodeResults(
  runs: AsyncIterable<SweepRun>,
  sweep: SweepInfo,
  format: ResultsFormat,
): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  const columns = resultColumns(sweep);
  const csv = (values: readonly (number | string | undefined)[]) => `${values.map(field).join(",")}\n`;
  // As lines, which take less memory than runs.
  const lines: { readonly run: number; readonly line: string }[] = [];
  for await (const run of runs) {
    const line = format === "csv" ? csv(columns.map(({ value }) => value(run))) : `${JSON.stringify(run)}\n`;
    lines.push({ run: run.run, line });
  }
  lines.sort((a, b) => a.run - b.run);
  if (format === "csv") yield encoder.encode(csv(columns.map(({ name }) => name)));
  for (const { line } of lines) yield encoder.encode(line);
}

/** Quoted where it must be (RFC 4180). */
function field(value: number | string | undefined): string {
  const text = String(value ?? "");
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
