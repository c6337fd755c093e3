import { type Format, plain, type Style } from "./output.ts";

/** A line of a plot. */
export interface Series {
  readonly label: string;
  readonly color: Format;
  /** x ascending. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface PlotOptions {
  readonly title: string;
  /** Characters. */
  readonly width: number;
  readonly height: number;
  /** Logarithmic in y; values of 0 and less are at the lower edge. @default false */
  readonly isLogarithmic?: boolean;
  /** Of y. @default those of the values */
  readonly bounds?: readonly [low: number, high: number];
  readonly formatX: (x: number) => string;
  readonly formatY: (y: number) => string;
  readonly style?: Style;
}

/** Dots of a braille character: [row][column] to bit. */
const dots = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
];

/** Lines in braille dots, two by four to a character, with the axes' ends written beside them. */
export function plot(series: readonly Series[], options: PlotOptions): string[] {
  const { title, height, formatX, formatY, style = plain } = options;
  const values = series.flatMap(({ points }) => points);
  if (values.length === 0) return [];
  const scale = options.isLogarithmic ? Math.log10 : (y: number) => y;
  const [low, high] =
    options.bounds ?? extent(values.map(([, y]) => y).filter((y) => !options.isLogarithmic || y > 0));
  if (low > high) return [];
  const [left, right] = extent(values.map(([x]) => x));
  const gutter = Math.max(formatY(low).length, formatY(high).length);
  const margin = Math.max(...series.map(({ label }) => label.length)) + 1;
  const columns = Math.max(10, options.width - gutter - 2 - margin);
  const canvas = new Canvas(columns, height);
  const toX = (x: number) => ((x - left) / (right - left || 1)) * (columns * 2 - 1);
  const toY = (y: number) => {
    const share = (scale(Math.max(y, low)) - scale(low)) / (scale(high) - scale(low) || 1);
    return (1 - Math.min(1, share)) * (height * 4 - 1);
  };
  const labels = new Map<number, string>();
  for (const { points, color, label } of series) {
    const path = points.map(([x, y]) => [toX(x), toY(y)] as const);
    canvas.draw(path, color);
    const end = Math.floor((path.at(-1)?.[1] ?? 0) / 4);
    const row = Array.from({ length: height }, (_, i) => i)
      .filter((i) => !labels.has(i))
      .sort((a, b) => Math.abs(a - end) - Math.abs(b - end))[0];
    if (row !== undefined && points.length > 0) labels.set(row, style(color, label));
  }
  const lines = canvas.lines(style).map((line, i) => {
    const mark = i === 0 ? formatY(high) : i === height - 1 ? formatY(low) : "";
    const edge = style("dim", `${mark.padStart(gutter)} ${mark === "" ? "│" : "┤"}`);
    return labels.has(i) ? `${edge}${line} ${labels.get(i)}` : `${edge}${line.trimEnd()}`;
  });
  const begin = formatX(left);
  const axis = begin + formatX(right).padStart(columns - begin.length);
  return [title, ...lines, style("dim", `${" ".repeat(gutter + 2)}${axis}`)];
}

/** Characters of braille dots, each in the colour of what was drawn on it last. */
class Canvas {
  readonly #columns: number;
  readonly #bits: Uint8Array;
  readonly #colors: (Format | undefined)[];

  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.#bits = new Uint8Array(columns * rows);
    this.#colors = new Array(columns * rows);
  }

  /** Dots along the straight lines between points, in dots from the upper left corner. */
  draw(path: readonly (readonly [number, number])[], color: Format): void {
    path.forEach(([x, y], i) => {
      const [fromX, fromY] = path[Math.max(0, i - 1)]!;
      const steps = Math.max(1, Math.ceil(Math.max(Math.abs(x - fromX), Math.abs(y - fromY))));
      for (let step = 1; step <= steps; step++) {
        const share = step / steps;
        this.#dot(Math.round(fromX + (x - fromX) * share), Math.round(fromY + (y - fromY) * share), color);
      }
    });
  }

  lines(style: Style): string[] {
    const rows = this.#bits.length / this.#columns;
    return Array.from({ length: rows }, (_, row) =>
      Array.from({ length: this.#columns }, (_, column) => {
        const at = row * this.#columns + column;
        const bits = this.#bits[at]!;
        const color = this.#colors[at];
        if (bits === 0 || color === undefined) return " ";
        return style(color, String.fromCharCode(0x2800 + bits));
      }).join(""),
    );
  }

  #dot(x: number, y: number, color: Format): void {
    const at = (y >> 2) * this.#columns + (x >> 1);
    this.#bits[at]! |= dots[y & 3]![x & 1]!;
    this.#colors[at] = color;
  }
}

function extent(values: readonly number[]): readonly [number, number] {
  return values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );
}

const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar of `share` of `width` characters, to an eighth of a character; never empty for more than nothing. */
export function bar(share: number, width: number): string {
  const parts = Math.round(share * width * 8);
  const drawn = share > 0 ? Math.max(1, parts) : 0;
  return "█".repeat(drawn >> 3) + eighths[drawn & 7]!;
}
