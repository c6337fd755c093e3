import type { Drawing } from "../figure.ts";
import { config } from "../style/config.ts";
import { textWidth } from "./text-width.ts";

declare module "vega" {
  /** Which its types leave out. */
  const textMetrics: {
    width: (item: { readonly fontSize?: number; readonly fontWeight?: unknown }, text: unknown) => number;
  };
}

/** What of a drawing is rendered. */
type Drawn = Pick<Drawing, "title" | "caption" | "spec">;

/** A figure as SVG, with its title and caption for screen readers. Without a browser, and without a request. */
export async function svg(drawing: Drawn): Promise<string> {
  return (await rendered(drawing)).svg;
}

/** The same with what the grammar has to say against the specification, for tests. */
export async function rendered({
  title,
  caption,
  spec,
}: Drawn): Promise<{ svg: string; warnings: string[] }> {
  // A script that only asks which figures there are doesn't wait for these.
  const [{ Debug, logger, parse, textMetrics, View }, { compile }] = await Promise.all([
    import("vega"),
    import("vega-lite"),
  ]);
  // Vega has this one place to say how text is measured.
  textMetrics.width = ({ fontSize, fontWeight }, text) =>
    textWidth(String(text ?? ""), fontSize ?? 11, fontWeight === "bold");
  const warnings: string[] = [];
  const log = logger(Debug - 1, undefined, (_method, _level, messages) => warnings.push(messages.join(" ")));
  // Vega marks the rows that it is given.
  const compiled = compile(structuredClone(spec), { config, logger: log });
  const view = new View(parse(compiled.spec), { renderer: "none", logger: log });
  try {
    const text = await view.toSVG();
    const words = `<title>${escaped(title)}</title><desc>${escaped(caption)}</desc>`;
    return {
      svg: text.replace(/<svg ([^>]*)>/, (_, attributes) => `<svg role="img" ${attributes}>${words}`),
      warnings,
    };
  } finally {
    view.finalize();
  }
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
