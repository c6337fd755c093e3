import { type Wave, waves } from "@grokbox/sdk";
import type { TopLevelSpec } from "vega-lite";
import { sessionFigure, type View } from "../figure.ts";
import { describe } from "../session-text.ts";
import { cosine, type LayerName, layers, letters, weights } from "../spectrum.ts";
import { colours } from "../style/palette.ts";
import { between, type Panel, plane } from "../style/panel.ts";
import { digits, heading, radians, steps } from "../style/title.ts";

/** One neuron's rows, and what it is at its dominant frequency. */
interface Neuron {
  readonly session: string;
  readonly step: number;
  readonly modulus: number;
  readonly wave: Wave;
  /** The rows, p weights each, their means, and the share of their energy that the cosine has. */
  readonly rows: Readonly<
    Record<LayerName, { readonly weights: readonly number[]; readonly mean: number; readonly fit: number }>
  >;
}

async function read({ session, steps: [step = 0], at, neuron = 0 }: View): Promise<Neuron> {
  const spectrum = await session.spectrum({ ...at(step), neurons: [neuron] });
  const row = (layer: LayerName) => ({
    weights: weights(spectrum[layer], 0),
    mean: spectrum[layer].mean.data[0]!,
    fit: spectrum[layer].cosineFit.data[0]!,
  });
  const { modulus } = session.info.spec;
  return {
    session: describe(session.info),
    step,
    modulus,
    wave: waves(spectrum)[0]!,
    rows: { theta: row("theta"), xi: row("xi") },
  };
}

function plot({ session, step, modulus, wave, rows }: Neuron): TopLevelSpec {
  const { neuron, frequency, phi, psi, misalignment } = wave;
  return {
    title: heading(
      frequency === 0
        ? `Neuron ${neuron} has no frequency: its θ is constant`
        : `Neuron ${neuron}: two cosines of frequency ${frequency}, the second with twice the phase`,
      [
        `${session}, step ${steps(step)}`,
        `φ = ${radians(phi)}, ψ = ${radians(psi)}, D = 2φ − ψ = ${radians(misalignment)} rad`,
      ],
    ),
    hconcat: [
      {
        vconcat: layers.map((layer): Panel => {
          const [magnitude, phase] = layer === "theta" ? [wave.alpha, phi] : [wave.beta, psi];
          const { weights: row, mean, fit } = rows[layer];
          return {
            title: {
              text: `${letters[layer]}[j] and its mean + ${digits(magnitude)} cos(2π·${frequency} j/p ${sign(phase)} ${radians(Math.abs(phase))}), R² = ${fit.toFixed(3)}`,
              fontSize: 12,
              fontWeight: "normal",
            },
            ...rowAndCosine(row, { frequency, magnitude, phase, mean }, modulus, letters[layer], 380, 130),
          };
        }),
      },
      phasePlane(wave),
    ],
  };
}

const sign = (value: number) => (value < 0 ? "−" : "+");

/** A row as points, and its cosine as a line. */
export function rowAndCosine(
  row: readonly number[],
  wave: Parameters<typeof cosine>[0],
  modulus: number,
  letter: string,
  width: number,
  height: number,
): Pick<Extract<Panel, { layer: unknown }>, "layer" | "width" | "height"> {
  const x = between("j", "residue j", [0, modulus - 1]);
  const y = { field: "weight", type: "quantitative", title: `${letter}[j]` } as const;
  return {
    width,
    height,
    layer: [
      {
        data: { values: cosine(wave, modulus) },
        mark: { type: "line", color: colours.sky },
        encoding: { x, y },
      },
      {
        data: { values: row.map((weight, j) => ({ j, weight })) },
        mark: { type: "point", filled: true, size: 36, color: colours.blue, opacity: 1 },
        encoding: { x, y },
      },
    ],
  };
}

/** phi, 2 phi and psi as hands of a clock. */
function phasePlane({ phi, psi }: Wave): Panel {
  const hands = [
    { name: "φ", angle: phi, length: 0.75 },
    { name: "2φ", angle: 2 * phi, length: 1 },
    { name: "ψ", angle: psi, length: 0.9 },
  ].map(({ name, angle, length }) => ({
    name,
    // From here the hand begins.
    x0: 0,
    y0: 0,
    x: length * Math.cos(angle),
    y: length * Math.sin(angle),
  }));
  const circle = Array.from({ length: 97 }, (_, i) => {
    const angle = (2 * Math.PI * i) / 96;
    return { i, x: Math.cos(angle), y: Math.sin(angle) };
  });
  const [x, y] = [plane("x", [-1.25, 1.25]), plane("y", [-1.25, 1.25])];
  const color = {
    field: "name",
    type: "nominal" as const,
    title: "phase",
    sort: null,
    scale: { range: [colours.sky, colours.blue, colours.vermilion] },
  };
  return {
    title: { text: "phases", fontSize: 12, fontWeight: "normal" },
    width: 300,
    height: 300,
    layer: [
      {
        data: { values: circle },
        mark: { type: "line", color: "#BBB", strokeWidth: 1 },
        encoding: { x, y, order: { field: "i" } },
      },
      {
        data: { values: hands },
        mark: { type: "rule", strokeWidth: 2.5 },
        encoding: {
          x: plane("x0", [-1.25, 1.25]),
          y: plane("y0", [-1.25, 1.25]),
          x2: { field: "x" },
          y2: { field: "y" },
          color,
        },
      },
      {
        data: { values: hands },
        mark: { type: "point", filled: true, size: 60, opacity: 1 },
        encoding: {
          x,
          y,
          color,
          shape: { field: "name", type: "nominal", title: "phase", sort: null },
        },
      },
    ],
  };
}

export const oneNeuron = sessionFigure({
  id: "2",
  title: "One neuron: cosines and phases",
  caption:
    "A neuron's input weights θ are a cosine over the residues; its output weights ξ are one of the same frequency with twice the phase, so that the hands of 2φ and ψ point the same way.",
  preset: "standard",
  steps: [10_000],
  neuron: 1,
  read,
  plot,
});
