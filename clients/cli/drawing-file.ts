import { extname } from "node:path";
import type { Drawing, SweepDrawing } from "@grokbox/figures";
import { UsageError } from "./usage-error.ts";

const formats = ["svg", "png", "json"] as const;
export type DrawingFormat = (typeof formats)[number];

/** Of a file's name, by its extension. */
export function formatOf(path: string): DrawingFormat {
  const extension = extname(path).slice(1).toLowerCase();
  const format = formats.find((known) => known === extension);
  if (format === undefined) throw new UsageError(`${path} must end in .svg, .png or .json`);
  return format;
}

export async function encoded(drawing: Drawing | SweepDrawing, format: DrawingFormat): Promise<Uint8Array> {
  const { png, svg } = await import("@grokbox/figures");
  if (format === "json") return new TextEncoder().encode(`${JSON.stringify(drawing)}\n`);
  const text = await svg(drawing);
  return format === "png" ? await png(text) : new TextEncoder().encode(text);
}
