/** Blue through grey to orange, as the figures have signed numbers: told apart by lightness as well. From -1 to 1, 0 is the background. */
const anchors = {
  light: ["#08316b", "#2a72b2", "#7fb3d9", "#f4f4f2", "#f3b06b", "#cf6a0c", "#7a3503"],
  dark: ["#a9dcff", "#4aa0dc", "#235a85", "#1d2228", "#8a4d14", "#e58a35", "#ffd6a3"],
} as const;

const size = 511;

/** @returns `size` RGBA pixels in the order of bytes that images have, the middle one of 0 */
function table(colours: readonly string[]): Uint32Array {
  const channels = colours.map((colour) =>
    [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)),
  );
  const bytes = new Uint8ClampedArray(4 * size);
  for (let i = 0; i < size; i++) {
    const place = (i / (size - 1)) * (channels.length - 1);
    const below = Math.min(Math.floor(place), channels.length - 2);
    for (let c = 0; c < 3; c++) {
      const [from, to] = [channels[below]![c]!, channels[below + 1]![c]!];
      bytes[4 * i + c] = from + (to - from) * (place - below);
    }
    bytes[4 * i + 3] = 255;
  }
  return new Uint32Array(bytes.buffer);
}

const tables = { light: table(anchors.light), dark: table(anchors.dark) };

/** A pixel for each share of the largest magnitude. */
export function divergingScale(isDark: boolean): (share: number) => number {
  const pixels = isDark ? tables.dark : tables.light;
  return (share) => pixels[Math.round(((Math.max(-1, Math.min(1, share)) + 1) / 2) * (size - 1))]!;
}

/** For a legend. */
export function divergingGradient(isDark: boolean): string {
  return `linear-gradient(to right, ${(isDark ? anchors.dark : anchors.light).join(", ")})`;
}
