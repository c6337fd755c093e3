import type { TopLevelSpec } from "vega-lite";
import { sessionFigure, type View } from "../figure.ts";
import { describe } from "../session-text.ts";
import { coefficients, type LayerName, layers, letters } from "../spectrum.ts";
import { diverging } from "../style/palette.ts";
import type { Panel } from "../style/panel.ts";
import { digits, heading, steps } from "../style/title.ts";

/** Fourier coefficients of a few neurons' rows at one step. */
export interface SpectraAtStep {
  readonly step: number;
  readonly neurons: readonly number[];
  /** Orthonormal: of the constant, then cos and sin of each frequency. [neurons][p] of either layer. */
  readonly coefficients: Readonly<Record<LayerName, readonly (readonly number[])[]>>;
}

export interface Spectra {
  readonly session: string;
  readonly states: readonly SpectraAtStep[];
}

function reader(count: number) {
  return async ({ session, steps: shown, at }: View): Promise<Spectra> => {
    const neurons = Array.from({ length: Math.min(count, session.info.spec.width) }, (_, m) => m);
    const states = shown.map(async (step): Promise<SpectraAtStep> => {
      const spectrum = await session.spectrum({ ...at(step), neurons });
      const of = (layer: LayerName) => neurons.map((_, row) => coefficients(spectrum[layer], row));
      return { step, neurons, coefficients: { theta: of("theta"), xi: of("xi") } };
    });
    return { session: describe(session.info), states: await Promise.all(states) };
  };
}

/** A heatmap a layer and step: neurons down, coefficients across. Each has its own scale, as weights grow by orders of magnitude. */
function plot(title: string) {
  return ({ session, states }: Spectra): TopLevelSpec => ({
    title: heading(title, [
      session,
      "Colour: share of the largest |coefficient| of the panel, which stands above it",
    ]),
    vconcat: layers.map((layer) => ({
      hconcat: states.map((state) => heatmap(layer, state, states.length)),
    })),
  });
}

function heatmap(
  layer: LayerName,
  { step, neurons, coefficients: all }: SpectraAtStep,
  across: number,
): Panel {
  const rows = all[layer];
  const largest = Math.max(...rows.flat().map(Math.abs));
  const size = (rows[0] ?? []).length;
  const values = rows.flatMap((row, i) =>
    row.map((value, index) => ({
      neuron: neurons[i],
      index,
      value,
      share: largest === 0 ? 0 : value / largest,
    })),
  );
  const cell = across === 1 ? Math.max(4, Math.min(22, 620 / size)) : Math.max(3, 270 / size);
  return {
    title: {
      text: `${letters[layer]} at step ${steps(step)}, largest ${digits(largest)}`,
      fontSize: 12,
      fontWeight: "normal",
    },
    data: { values },
    width: Math.round(cell * size),
    height: { step: neurons.length > 12 ? 12 : 20 },
    mark: { type: "rect" },
    encoding: {
      x: {
        field: "index",
        type: "ordinal",
        axis: {
          title: "frequency k: constant, then cos and sin",
          // The name of a frequency stands at its cosine.
          labelExpr:
            "datum.value === 0 ? '0' : datum.value % 2 === 1 ? format((datum.value + 1) / 2, 'd') : ''",
          labelAngle: 0,
          labelOverlap: size > 47,
          tickSize: 3,
        },
      },
      y: { field: "neuron", type: "ordinal", title: "neuron" },
      color: {
        field: "share",
        type: "quantitative",
        scale: { ...diverging, domain: [-1, 1] },
        legend: { title: "share", gradientLength: 100 },
      },
    },
  };
}

export const tenNeurons = sessionFigure({
  id: "3",
  title: "Fourier coefficients of ten neurons",
  caption:
    "Each row of θ and ξ, written in the Fourier basis, is nearly empty but for the cosine and sine of one frequency: the same one in both layers.",
  preset: "standard",
  steps: [10_000],
  read: reader(10),
  plot: plot("Each neuron has one frequency"),
});

export const quadraticPreservation = sessionFigure({
  id: "12",
  title: "A quadratic network keeps the frequencies that it began with",
  caption:
    "Each neuron began on a single frequency. With a quadratic activation it stays there exactly while weights are small: no energy reaches another frequency.",
  preset: "quad_single_freq",
  steps: [0, 1_000, 5_000],
  read: reader(20),
  plot: plot("Single-frequency training, quadratic activation"),
});

export const reluLeakage = sessionFigure({
  id: "13a",
  title: "With ReLU, amplitude leaks to harmonics",
  caption:
    "From the same kind of start, ReLU sends amplitude to odd multiples of each neuron's frequency in θ, and to all multiples in ξ; the dominant one stays.",
  preset: "relu_single_freq",
  steps: [0, 5_000],
  read: reader(20),
  plot: plot("Single-frequency training, ReLU activation"),
});

export const grokkingSpectra = sessionFigure({
  id: "17",
  title: "Frequencies become sharp as the network groks",
  caption:
    "At the start energy is spread over all frequencies. When everything is memorized, a few dominate each row; weight decay then clears the rest away, until one is left.",
  preset: "grokking",
  steps: [0, 2_200, 10_000],
  read: reader(20),
  plot: plot("Spectra on the way to grokking"),
});
