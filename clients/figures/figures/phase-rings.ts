import type { TopLevelSpec } from "vega-lite";
import { sessionFigure, type View } from "../figure.ts";
import { describe } from "../session-text.ts";
import { colours } from "../style/palette.ts";
import { plane } from "../style/panel.ts";
import { heading, steps } from "../style/title.ts";
import { presentWaves } from "../waves.ts";

interface Rings {
  readonly session: string;
  readonly step: number;
  /** With the most neurons. */
  readonly frequency: number;
  readonly neurons: number;
  /** |mean of e^{i n phi}| for n = 1..4. */
  readonly concentration: readonly number[];
  /** Radians, of its neurons. */
  readonly phi: readonly number[];
}

async function read({ session, steps: [step = 0], at }: View): Promise<Rings> {
  const spectrum = await session.spectrum(at(step));
  const group = spectrum.groups.reduce((largest, next) => (next.neurons > largest.neurons ? next : largest));
  return {
    session: describe(session.info),
    step,
    frequency: group.frequency,
    neurons: group.neurons,
    concentration: group.phaseConcentration,
    phi: presentWaves(spectrum).flatMap(({ frequency, phi }) => (frequency === group.frequency ? [phi] : [])),
  };
}

const orders = [1, 2, 3, 4];

function plot({ session, step, frequency, neurons, concentration, phi }: Rings): TopLevelSpec {
  const on = (radius: number, angle: number) => ({
    x: radius * Math.cos(angle),
    y: radius * Math.sin(angle),
  });
  const circles = orders.flatMap((n) =>
    Array.from({ length: 97 }, (_, i) => ({ n, i, ...on(n, (2 * Math.PI * i) / 96) })),
  );
  const points = orders.flatMap((n) => phi.map((angle) => ({ n, ...on(n, n * angle) })));
  const labels = orders.map((n) => ({
    x: 4.35,
    y: 4 - (n - 1) * 0.55,
    text: `n = ${n}: ${concentration[n - 1]?.toFixed(3) ?? "–"}`,
  }));
  const [x, y] = [plane("x", [-4.4, 4.4]), plane("y", [-4.4, 4.4])];
  return {
    title: heading(`Phases of the ${neurons} neurons of frequency ${frequency}`, [
      `${session}, step ${steps(step)}`,
      `Ring n, from the inside, has the angles nφ; on the right |mean exp(inφ)|,`,
      `0 when they are spread evenly, about ${(Math.sqrt(Math.PI / neurons) / 2).toFixed(3)} at random`,
    ]),
    width: 420,
    height: 420,
    layer: [
      {
        data: { values: circles },
        mark: { type: "line", color: "#CCC", strokeWidth: 1 },
        encoding: { x, y, detail: { field: "n" }, order: { field: "i" } },
      },
      {
        data: { values: points },
        mark: { type: "point", filled: true, size: 40, opacity: 0.7 },
        encoding: {
          x,
          y,
          color: {
            field: "n",
            type: "ordinal",
            legend: null,
            scale: {
              domain: orders,
              range: [colours.blue, colours.vermilion, colours.green, colours.purple],
            },
          },
        },
      },
      {
        data: { values: labels },
        mark: { type: "text", align: "left", dx: 14, fontSize: 11, clip: false },
        encoding: { x, y, text: { field: "text" } },
      },
    ],
  };
}

export const phaseRings = sessionFigure({
  id: "6",
  title: "Phases of one frequency",
  caption:
    "Multiplied by 1, 2, 3 and 4, the phases of the neurons that share a frequency lie all around the circle, so that what is not signal in their votes cancels.",
  preset: "standard",
  steps: [10_000],
  read,
  plot,
});
