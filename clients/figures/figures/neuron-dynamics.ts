import type { Session } from "@grokbox/sdk";
import type { TopLevelSpec } from "vega-lite";
import { sessionFigure, type View } from "../figure.ts";
import { FigureError } from "../figure-error.ts";
import { describe } from "../session-text.ts";
import { unwrap } from "../spectrum.ts";
import { colours } from "../style/palette.ts";
import type { Panel } from "../style/panel.ts";
import { heading } from "../style/title.ts";

interface Moment {
  readonly step: number;
  readonly alpha: number;
  readonly beta: number;
  /** Radians, without jumps of 2 pi. */
  readonly phi: number;
  readonly psi: number;
  readonly misalignment: number;
}

interface Dynamics {
  readonly session: string;
  readonly neuron: number;
  readonly frequency: number;
  /** At its snapshots. */
  readonly actual: readonly Moment[];
  /** What the flow makes of its first state; none where the flow has no clock: it is that of a quadratic network under SGD. */
  readonly predicted: readonly Moment[];
}

async function read({ session, series, neuron = 0, signal }: View): Promise<Dynamics> {
  const [first] = series;
  if (first === undefined || series.length < 2) {
    throw new FigureError(
      `${session.name} has ${series.length} snapshots to show over time: keep more while it trains, as with a schedule`,
      "not-found",
    );
  }
  const call = { signal, at: first };
  const compareAt = series.slice(-1_000);
  const { actual, frequency } = await session.simulateFlow(neuron, { times: [0] }, { ...call, compareAt });
  const times = actual.map(({ time }) => time).filter((time) => time > 0);
  const flow =
    hasFlow(session, first) && times.length > 0
      ? await session.simulateFlow(neuron, { times }, call)
      : undefined;
  const stepOf = new Map(actual.map(({ time, step }) => [time, step]));
  const predicted = Array.from(flow?.times ?? [], (time, i) => ({
    step: stepOf.get(time)!,
    alpha: flow!.alpha[i]!,
    beta: flow!.beta[i]!,
    phi: flow!.phi[i]!,
    psi: flow!.psi[i]!,
    misalignment: flow!.misalignment[i]!,
  }));
  return {
    session: describe(session.info),
    neuron,
    frequency,
    actual: continuous(actual, actual[0]),
    predicted: continuous(predicted, actual[0]),
  };
}

/**
 * Where the flow has a clock: a quadratic network that adds, under SGD without decay, Grokfast or a learned embedding, all the way from
 * this step.
 */
function hasFlow({ info: { spec, events } }: Session, from: number): boolean {
  const { activation, task, optimizer, embedding } = spec;
  const swapped = events.some(({ kind, step }) => kind === "activation-swapped" && step >= from);
  const { kind, weightDecay, grokfast } = optimizer;
  const isPlain = kind === "sgd" && weightDecay === 0 && grokfast === undefined && embedding === undefined;
  return activation === "x^2" && task === "add" && isPlain && !swapped;
}

/** Angles without jumps of 2 pi, beginning near those of a first state, of which D is 2 phi - psi, not only up to 2 pi. */
function continuous(states: readonly Moment[], first: Moment | undefined): Moment[] {
  if (first === undefined) return [];
  const phi = unwrap(
    states.map((state) => state.phi),
    first.phi,
  );
  const psi = unwrap(
    states.map((state) => state.psi),
    2 * first.phi - first.misalignment,
  );
  return states.map(({ step, alpha, beta }, i) => ({
    step,
    alpha,
    beta,
    phi: phi[i]!,
    psi: psi[i]!,
    misalignment: 2 * phi[i]! - psi[i]!,
  }));
}

const curves = {
  magnitudes: [
    ["α, of θ", "alpha", 1, colours.blue],
    ["β, of ξ", "beta", 1, colours.vermilion],
  ],
  phases: [
    ["2φ", "phi", 2, colours.blue],
    ["ψ", "psi", 1, colours.vermilion],
    ["D = 2φ − ψ", "misalignment", 1, colours.green],
  ],
} as const;

function plot({ session, neuron, frequency, actual, predicted }: Dynamics): TopLevelSpec {
  const last = actual.at(-1)?.step ?? 0;
  // The flow is of small weights: beyond what the neuron reached it says nothing.
  const largest = 1.1 * Math.max(...actual.flatMap(({ alpha, beta }) => [alpha, beta]));
  const shown = predicted.filter(({ alpha, beta }) => alpha <= largest && beta <= largest);
  return {
    title: heading(`Neuron ${neuron} at frequency ${frequency}, over training`, [
      session,
      ...(predicted.length === 0 ? [] : ["Dashed: the decoupled flow from its first state"]),
    ]),
    resolve: { scale: { color: "independent" } },
    vconcat: [
      panel("magnitudes", "magnitude", { actual, shown, last }),
      panel("phases", "angle, radians", { actual, shown, last }),
    ],
  };
}

function panel(
  kind: keyof typeof curves,
  title: string,
  { actual, shown, last }: { actual: readonly Moment[]; shown: readonly Moment[]; last: number },
): Panel {
  const rows = (states: readonly Moment[]) =>
    states.flatMap((state) =>
      curves[kind].map(([name, key, factor]) => ({ step: state.step, name, value: factor * state[key] })),
    );
  const encoding = {
    x: {
      field: "step",
      type: "quantitative" as const,
      title: "step",
      scale: { domain: [0, last], nice: false },
    },
    y: { field: "value", type: "quantitative" as const, title, scale: { zero: kind === "magnitudes" } },
    color: {
      field: "name",
      type: "nominal" as const,
      title: null,
      scale: {
        domain: curves[kind].map(([name]) => name),
        range: curves[kind].map(([, , , colour]) => colour),
      },
    },
  };
  return {
    width: 560,
    height: 200,
    layer: [
      { data: { values: rows(actual) }, mark: { type: "line" }, encoding },
      ...(shown.length === 0
        ? []
        : [
            {
              data: { values: rows(shown) },
              mark: { type: "line" as const, strokeDash: [5, 4], strokeWidth: 2.4, opacity: 0.7 },
              encoding,
            },
          ]),
    ],
  };
}

const common = { steps: [10_000], from: { snapshots: 100 }, neuron: 1, read, plot };

export const quadraticDynamics = sessionFigure({
  ...common,
  id: "9",
  title: "One neuron over time, quadratic activation",
  caption:
    "First the phases turn until ψ = 2φ while magnitudes hardly move; then both magnitudes grow. The flow, which knows of no other neuron, predicts all of it until weights are no longer small.",
  preset: "quad_single_freq",
});

export const reluDynamics = sessionFigure({
  ...common,
  id: "13b",
  title: "One neuron over time, ReLU",
  caption: "With ReLU it is the same course: the misalignment D goes to 0, and both magnitudes grow.",
  preset: "relu_single_freq",
});
