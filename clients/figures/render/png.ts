import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The font comes along, so that a figure is the same on a server that has none. */
function fontFiles(): string[] {
  const folder = dirname(fileURLToPath(import.meta.resolve("dejavu-fonts-ttf/ttf/DejaVuSans.ttf")));
  return ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSans-Oblique.ttf"].map((file) =>
    join(folder, file),
  );
}

/**
 * An SVG as PNG.
 *
 * @param scale - pixels a unit of the SVG
 */
export async function png(svg: string, scale = 2): Promise<Uint8Array> {
  const { Resvg } = await import("@resvg/resvg-js");
  const image = new Resvg(svg, {
    fitTo: { mode: "zoom", value: scale },
    font: { fontFiles: fontFiles(), loadSystemFonts: false, defaultFontFamily: "DejaVu Sans" },
  });
  return image.render().asPng();
}
