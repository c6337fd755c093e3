import type { TopLevelSpec } from "vega-lite";
import { sessionFigure, type View } from "../figure.ts";
import { FigureError } from "../figure-error.ts";
import { describe } from "../session-text.ts";
import { unwrap } from "../spectrum.ts";
import { colours } from "../style/palette.ts";
import type { Panel } from "../style/panel.ts";
import { digits, heading } from "../style/title.ts";

interface Runner {
  readonly frequency: number;
  readonly steps: readonly number[];
  /** Magnitude of xi. */
  readonly beta: readonly number[];
  /** 2 phi - psi, radians, without jumps of 2 pi. */
  readonly misalignment: readonly number[];
}

interface Race {
  readonly session: string;
  readonly neuron: number;
  /** Dominant frequency at the last step; 0 for none. */
  readonly winner: number;
  /** Whose flow blows up first, as seen at step 0; 0 for none, null where that can't be told. */
  readonly forecast: number | null;
  readonly confidence: number | null;
  /** By magnitude at the first step, the largest first. */
  readonly runners: readonly Runner[];
}

async function read({ session, series, neuron = 0, signal }: View): Promise<Race> {
  const raceAt = series.slice(-1_000);
  const [first] = raceAt;
  if (first === undefined || raceAt.length < 2) {
    throw new FigureError(
      `${session.name} has ${raceAt.length} snapshots to show a race: keep some while it trains, as with a schedule`,
      "not-found",
    );
  }
  // The spec can't draw the weights that somebody uploaded.
  const begin = session.info.spec.init.kind === "uploaded" ? `${session.name}/snapshots/${first}` : undefined;
  const { race, forecast, confidence, actual } = await session.lottery({
    neurons: [neuron],
    raceAt,
    at: raceAt.at(-1),
    signal,
    ...(begin === undefined ? {} : { begin }),
  });
  const count = race[0]?.xiMagnitude.data.length ?? 0;
  const runners = Array.from(
    { length: count },
    (_, i): Runner => ({
      frequency: i + 1,
      steps: race.map(({ step }) => step),
      beta: race.map(({ xiMagnitude }) => xiMagnitude.data[i]!),
      misalignment: unwrap(race.map(({ misalignment }) => misalignment.data[i]!)),
    }),
  );
  return {
    session: describe(session.info),
    neuron,
    winner: actual.data[neuron]!,
    forecast: forecast.data[neuron]!,
    confidence: confidence.data[neuron]!,
    runners: runners.sort((a, b) => b.beta[0]! - a.beta[0]!),
  };
}

function plot({ session, neuron, winner, forecast, confidence, runners }: Race): TopLevelSpec {
  const names = runners.map(({ frequency, beta }) => `k = ${frequency}, first ${digits(beta[0])}`);
  const range = runners.map(({ frequency }, rank) =>
    frequency === winner ? colours.vermilion : fade(rank, runners.length),
  );
  const rows = (key: "beta" | "misalignment") =>
    runners.flatMap(({ steps, ...runner }, i) =>
      steps.map((step, at) => ({
        step,
        name: names[i],
        value: runner[key][at],
        won: runner.frequency === winner,
      })),
    );
  const last = runners[0]?.steps.at(-1) ?? 0;
  const panel = (key: "beta" | "misalignment", title: string): Panel => ({
    width: 420,
    height: 260,
    data: { values: rows(key) },
    mark: { type: "line" },
    encoding: {
      x: { field: "step", type: "quantitative", title: "step", scale: { domain: [0, last], nice: false } },
      y: { field: "value", type: "quantitative", title },
      color: {
        field: "name",
        type: "nominal",
        title: "frequency, by β at the start",
        scale: { domain: names, range },
        sort: null,
        legend: { symbolLimit: 0, columns: Math.ceil(names.length / 20) },
      },
      strokeWidth: { condition: { test: "datum.won", value: 3 }, value: 1.2 },
    },
  });
  return {
    title: heading(
      `The race in neuron ${neuron}: ${winner === 0 ? "no frequency" : `frequency ${winner}`} wins`,
      [
        session,
        `Forecast at step 0 by the earliest blow-up of the flow: ${forecast || "–"}, confidence ${digits(confidence ?? undefined)}`,
      ],
    ),
    hconcat: [
      panel("misalignment", "misalignment Dᵏ = 2φ − ψ, radians"),
      panel("beta", "magnitude βᵏ, of ξ"),
    ],
  };
}

/** From dark blue for the largest at the start to light for the smallest. */
function fade(rank: number, count: number): string {
  const share = count < 2 ? 0 : rank / (count - 1);
  const mix = (from: number, to: number) => Math.round(from + share * (to - from));
  return `rgb(${mix(0, 190)}, ${mix(70, 215)}, ${mix(130, 235)})`;
}

export const lotteryRace = sessionFigure({
  id: "10",
  title: "The lottery in one neuron",
  caption:
    "All frequencies of a neuron grow at first; the one that is aligned early and large enough takes off, and the others stay where they were. Who wins can be told at step 0.",
  preset: "quad_random_sgd",
  steps: [10_000],
  from: { snapshots: 100 },
  neuron: 40,
  read,
  plot,
});
