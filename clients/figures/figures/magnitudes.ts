import type { TopLevelSpec } from "vega-lite";
import { sessionFigure, type View } from "../figure.ts";
import { describe } from "../session-text.ts";
import { colours } from "../style/palette.ts";
import { between, type Panel } from "../style/panel.ts";
import { heading, steps } from "../style/title.ts";
import { presentWaves } from "../waves.ts";

interface Magnitudes {
  readonly session: string;
  readonly step: number;
  /** Of theta and xi at theta's dominant frequency, one a neuron. */
  readonly alpha: readonly number[];
  readonly beta: readonly number[];
  /** Mean and population standard deviation. */
  readonly summary: Readonly<Record<"alpha" | "beta", { readonly mean: number; readonly spread: number }>>;
}

async function read({ session, steps: [step = 0], at }: View): Promise<Magnitudes> {
  const spectrum = await session.spectrum(at(step));
  const all = presentWaves(spectrum);
  return {
    session: describe(session.info),
    step,
    alpha: all.map(({ alpha }) => alpha),
    beta: all.map(({ beta }) => beta),
    summary: { alpha: spectrum.alpha!, beta: spectrum.beta! },
  };
}

function plot({ session, step, alpha, beta, summary }: Magnitudes): TopLevelSpec {
  const said = (letter: string, { mean, spread }: { mean: number; spread: number }) =>
    `${letter}: mean ${mean.toFixed(4)}, spread ${spread.toFixed(4)}`;
  const most = 1.05 * [...alpha, ...beta].reduce((a, b) => Math.max(a, b), 0);
  return {
    title: heading("Magnitudes at the dominant frequency", [
      `${session}, step ${steps(step)}`,
      `${said("α", summary.alpha)}; ${said("β", summary.beta)}`,
    ]),
    hconcat: [violin(alpha, "α, of θ", colours.blue, most), violin(beta, "β, of ξ", colours.vermilion, most)],
  };
}

/** A density mirrored, with quartiles as a bar and the median as a point. */
function violin(values: readonly number[], title: string, color: string, most: number): Panel {
  const y = between("value", `magnitude ${title}`, [0, most]);
  const own = { data: { values: values.map((value) => ({ value })) } };
  return {
    width: 200,
    height: 320,
    layer: [
      {
        ...own,
        transform: [{ density: "value", extent: [0, most], steps: 200, as: ["value", "density"] }],
        mark: { type: "area", orient: "horizontal", color, opacity: 0.35 },
        encoding: {
          y,
          x: {
            field: "density",
            type: "quantitative",
            stack: "center",
            axis: null,
            scale: { nice: false },
            impute: null,
          },
        },
      },
      {
        ...own,
        mark: { type: "rule", color, strokeWidth: 5 },
        encoding: {
          x: { value: 100 },
          y: { aggregate: "q1", field: "value", type: "quantitative" },
          y2: { aggregate: "q3", field: "value" },
        },
      },
      {
        ...own,
        mark: { type: "point", filled: true, color: "white", stroke: color, size: 70, opacity: 1 },
        encoding: { x: { value: 100 }, y: { aggregate: "median", field: "value", type: "quantitative" } },
      },
    ],
  };
}

export const magnitudes = sessionFigure({
  id: "7",
  title: "Magnitudes of all neurons",
  caption:
    "Neurons end with about the same magnitude at their frequency, in θ as in ξ: none dominates the vote. Bar: quartiles; ring: median.",
  preset: "standard",
  steps: [10_000],
  read,
  plot,
});
