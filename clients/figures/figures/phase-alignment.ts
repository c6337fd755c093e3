import type { TopLevelSpec } from "vega-lite";
import { sessionFigure, type View } from "../figure.ts";
import { describe } from "../session-text.ts";
import { wrap } from "../spectrum.ts";
import { colours } from "../style/palette.ts";
import { angle } from "../style/panel.ts";
import { digits, heading, steps } from "../style/title.ts";
import { presentWaves } from "../waves.ts";

interface Alignment {
  readonly session: string;
  readonly step: number;
  /** Mean over neurons of |sin D|. */
  readonly meanAbsSinMisalignment: number | null;
  readonly neurons: readonly {
    readonly neuron: number;
    readonly frequency: number;
    /** Radians in [-pi, pi). */
    readonly doubledPhi: number;
    readonly psi: number;
  }[];
}

async function read({ session, steps: [step = 0], at }: View): Promise<Alignment> {
  const spectrum = await session.spectrum(at(step));
  return {
    session: describe(session.info),
    step,
    meanAbsSinMisalignment: spectrum.meanAbsSinMisalignment ?? null,
    neurons: presentWaves(spectrum).map(({ neuron, frequency, phi, psi }) => ({
      neuron,
      frequency,
      doubledPhi: wrap(2 * phi),
      psi,
    })),
  };
}

function plot({ session, step, meanAbsSinMisalignment, neurons }: Alignment): TopLevelSpec {
  const x = angle("doubledPhi", "2φ, radians");
  const y = angle("psi", "ψ, radians");
  const line = [-Math.PI, Math.PI].map((both) => ({ doubledPhi: both, psi: both }));
  return {
    title: heading("Output phases are twice the input phases", [
      `${session}, step ${steps(step)}; a point a neuron`,
      `mean |sin D| = ${digits(meanAbsSinMisalignment ?? undefined)}, 0.637 for unrelated phases`,
    ]),
    width: 400,
    height: 400,
    layer: [
      {
        data: { values: line },
        mark: { type: "line", color: colours.vermilion, strokeDash: [6, 4] },
        encoding: { x, y },
      },
      {
        data: { values: [...neurons] },
        mark: { type: "point", filled: true, size: 22, color: colours.blue, opacity: 0.6 },
        encoding: { x, y },
      },
    ],
  };
}

export const phaseAlignment = sessionFigure({
  id: "5",
  title: "Phase alignment",
  caption:
    "Every neuron lies on the dashed diagonal ψ = 2φ, which goes round at the edges; the mean of |sin D| says how closely.",
  preset: "standard",
  steps: [10_000],
  read,
  plot,
});
