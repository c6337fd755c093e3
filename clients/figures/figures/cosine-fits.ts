import type { Wave } from "@grokbox/sdk";
import type { TopLevelSpec } from "vega-lite";
import { sessionFigure, type View } from "../figure.ts";
import { describe } from "../session-text.ts";
import { type LayerName, layers, letters, weights } from "../spectrum.ts";
import { heading, steps } from "../style/title.ts";
import { presentWaves } from "../waves.ts";
import { rowAndCosine } from "./neuron.ts";

interface Fit {
  readonly wave: Wave;
  readonly rows: Readonly<
    Record<
      LayerName,
      { readonly weights: readonly number[]; readonly mean: number; readonly rSquared: number }
    >
  >;
}

interface Fits {
  readonly session: string;
  readonly step: number;
  readonly modulus: number;
  readonly neurons: readonly Fit[];
  /** R^2 of the cosine, mean over all neurons. */
  readonly meanRSquared: Readonly<Record<LayerName, number | null>>;
}

const shown = 4;

async function read({ session, steps: [step = 0], at }: View): Promise<Fits> {
  const { modulus, width } = session.info.spec;
  // Enough for neurons of different frequencies to be among them.
  const spectrum = await session.spectrum({ ...at(step), neurons: { count: Math.min(width, 16 * shown) } });
  const all = presentWaves(spectrum);
  const chosen = firstOfEach(all.map(({ frequency }) => frequency)).slice(0, shown);
  const { theta, xi } = spectrum;
  return {
    session: describe(session.info),
    step,
    modulus,
    neurons: chosen.map((i) => {
      const wave = all[i]!;
      const row = spectrum.neurons.indexOf(wave.neuron);
      const of = (layer: LayerName) => ({
        weights: weights(spectrum[layer], row),
        mean: spectrum[layer].mean.data[row]!,
        rSquared: spectrum[layer].cosineFit.data[row]!,
      });
      return { wave, rows: { theta: of("theta"), xi: of("xi") } };
    }),
    meanRSquared: { theta: theta.meanCosineFit ?? null, xi: xi.meanCosineFit ?? null },
  };
}

/** Where each value comes first. */
function firstOfEach(values: readonly number[]): number[] {
  return values.flatMap((value, i) => (values.indexOf(value) === i ? [i] : []));
}

function plot({ session, step, modulus, neurons, meanRSquared }: Fits): TopLevelSpec {
  const means = layers
    .map((layer) => `${letters[layer]} ${meanRSquared[layer]?.toFixed(3) ?? "–"}`)
    .join(", ");
  return {
    title: heading("Weights (points) and the cosine of each neuron's frequency (line)", [
      `${session}, step ${steps(step)}`,
      `R² of the cosine, mean over all neurons: ${means}`,
    ]),
    vconcat: neurons.map(({ wave, rows }) => ({
      hconcat: layers.map((layer) => {
        const [magnitude, phase] = layer === "theta" ? [wave.alpha, wave.phi] : [wave.beta, wave.psi];
        const { weights: row, mean, rSquared } = rows[layer];
        return {
          title: {
            text: `neuron ${wave.neuron}, k = ${wave.frequency}: R² = ${rSquared.toFixed(3)}`,
            fontSize: 11,
            fontWeight: "normal" as const,
          },
          ...rowAndCosine(
            row,
            { frequency: wave.frequency, magnitude, phase, mean },
            modulus,
            letters[layer],
            340,
            90,
          ),
        };
      }),
    })),
  };
}

export const cosineFits = sessionFigure({
  id: "4",
  title: "Cosine fits",
  caption:
    "Four neurons of different frequencies. One cosine, at the frequency where the row's spectrum is largest, explains most of a neuron's weights in θ and ξ; R² says how much.",
  preset: "standard",
  steps: [10_000],
  read,
  plot,
});
