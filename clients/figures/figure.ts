import type { Grokbox, Session } from "@grokbox/sdk";
import type { TopLevelSpec } from "vega-lite";
import { FigureError } from "./figure-error.ts";
import { holdStill } from "./present.ts";
import { keptSteps, scaledSteps } from "./steps.ts";

/** What a figure is drawn from. */
export interface Source {
  readonly box: Grokbox;
  /** Not needed by figures without a preset. */
  readonly session?: Session | undefined;
  /** Steps to show, in place of the figure's own. */
  readonly at?: readonly number[] | undefined;
  /** Of figures of one neuron, 0 to M - 1. @default the figure's own */
  readonly neuron?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A figure that was drawn. */
export interface Drawing {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  /** sessions/{id} that it shows. */
  readonly session?: string;
  /** The steps that it shows. */
  readonly steps: readonly number[];
  /** What it shows, as plain data: names and units are those of the SDK. */
  readonly data: object;
  /** Vega-Lite, with the data in it. */
  readonly spec: TopLevelSpec;
}

/** A figure or table of the paper, which any session can be drawn as. */
export interface Figure {
  /** As the paper numbers it, such as `14` or `13a`; tables are `swap` and `example`. */
  readonly id: string;
  readonly title: string;
  /** What to see in it. */
  readonly caption: string;
  /** The published run that it is of; undefined for one that needs no session. */
  readonly preset: string | undefined;
  /** The steps that it shows of that run, increasing: for what is drawn over time, its end. */
  readonly steps: readonly number[];
  /** It is drawn of one neuron, which can be chosen. */
  readonly hasNeuron: boolean;
  /** Steps at which a run that ends at `end` must keep snapshots for it to be drawn afterwards, increasing. */
  snapshots(end: number): readonly number[];
  /** @throws FigureError when the source hasn't what it needs */
  draw(source: Source): Promise<Drawing>;
}

/** What a figure reads its data from: a session, or for figures that need none, maybe none. */
export interface View<S = Session> {
  readonly box: Grokbox;
  readonly session: S;
  /** What the figure shows, increasing; each the present step or that of a snapshot. */
  readonly steps: readonly number[];
  /** Of all kept snapshots up to the last of `steps`, increasing. */
  readonly series: readonly number[];
  /** Options of a call that looks at the state of one of these steps. */
  at(step: number): { readonly at?: number; readonly signal: AbortSignal | undefined };
  readonly neuron: number | undefined;
  readonly signal: AbortSignal | undefined;
}

interface Definition<D extends object, S> {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  read(view: View<S>): Promise<D>;
  plot(data: D): TopLevelSpec;
}

interface SessionDefinition<D extends object> extends Definition<D, Session> {
  readonly preset: string;
  /** More than one: any number of states can be shown side by side. */
  readonly steps: readonly number[];
  /**
   * What it is read from: the states at its steps, all kept snapshots up to its step, which are so many of a published run, or what was
   * recorded up to its step.
   *
   * @default states
   */
  readonly from?: "states" | { readonly snapshots: number } | "record";
  /** The published figure's; left out for figures that aren't of one neuron. */
  readonly neuron?: number;
}

/** A figure of a session. */
export function sessionFigure<D extends object>(definition: SessionDefinition<D>): Figure {
  const { id, title, caption, preset, steps, from = "states", neuron, read, plot } = definition;
  const overTime = (end: number) =>
    typeof from === "string"
      ? []
      : Array.from({ length: from.snapshots + 1 }, (_, i) => Math.round((i * end) / from.snapshots));
  return {
    id,
    title,
    caption,
    preset,
    steps,
    hasNeuron: neuron !== undefined,
    snapshots: (end) => inOrder([...overTime(end), ...scaledSteps(steps, end)]),
    draw: async (source) => {
      const { box, session, signal } = source;
      if (session === undefined) throw new FigureError(`figure ${id} needs a session`, "invalid");
      await using present = await holdStill(session, from === "states", signal);
      const { step: now, isKept } = present;
      const wanted =
        source.at === undefined
          ? from === "states"
            ? scaledSteps(steps, now)
            : [now]
          : checkedSteps(id, source.at, now, steps.length, from);
      const kept = await keptSteps(session, signal);
      const missing = wanted.filter((step) => step !== now && !kept.includes(step));
      if (from === "states" && missing.length > 0) throw notKept(id, session.name, missing, kept, now);
      const last = Math.max(...wanted);
      const view: View = {
        box,
        session,
        steps: wanted,
        series: kept.filter((step) => step <= last),
        at: (step) => ({ ...(step === now && !isKept ? {} : { at: step }), signal }),
        neuron: checkedNeuron(id, source.neuron, neuron, session.info.spec.width),
        signal,
      };
      const data = await read(view);
      await present.check();
      return { id, title, caption, session: session.name, steps: wanted, data, spec: plot(data) };
    },
  };
}

const inOrder = (steps: readonly number[]) => [...new Set(steps)].sort((a, b) => a - b);

function checkedSteps(
  id: string,
  at: readonly number[],
  now: number,
  most: number,
  from: SessionDefinition<object>["from"],
): number[] {
  const steps = inOrder(at);
  if (steps.length === 0) throw new FigureError(`figure ${id} needs a step to show`, "invalid");
  if (most === 1 && steps.length > 1) {
    throw new FigureError(`figure ${id} shows one step; got ${steps.join(", ")}`, "invalid");
  }
  const isStep = (step: number) => Number.isSafeInteger(step) && step >= 0;
  const wrong = steps.find((step) => !isStep(step) || step > now);
  if (wrong === undefined) return steps;
  throw new FigureError(
    `figure ${id} can show steps 0 to ${now}, where the session is; got ${wrong}`,
    from === "states" && isStep(wrong) ? "not-found" : "invalid",
  );
}

/** A figure that needs no session; given one, it may show it too. */
export function theoryFigure<D extends object>(definition: Definition<D, Session | undefined>): Figure {
  const { id, title, caption, read, plot } = definition;
  return {
    id,
    title,
    caption,
    preset: undefined,
    steps: [],
    hasNeuron: false,
    snapshots: () => [],
    draw: async ({ box, session, signal }) => {
      const view: View<Session | undefined> = {
        box,
        session,
        steps: [],
        series: [],
        at: () => ({ signal }),
        neuron: undefined,
        signal,
      };
      const data = await read(view);
      const shown = session === undefined ? {} : { session: session.name };
      return { id, title, caption, ...shown, steps: [], data, spec: plot(data) };
    },
  };
}

function notKept(
  id: string,
  session: string,
  missing: readonly number[],
  kept: readonly number[],
  now: number,
): FigureError {
  const there = kept.length === 0 ? "none is kept" : `kept are ${kept.slice(0, 12).join(", ")}`;
  const wayOut = [
    "Choose other steps",
    missing.some((step) => step > 0) ? ", or keep snapshots while it trains" : "",
    missing.includes(0) ? "; of step 0 one is kept before a session trains: grokbox snapshot ID" : "",
  ];
  return new FigureError(
    `figure ${id} shows step${missing.length === 1 ? "" : "s"} ${missing.join(", ")}, of which ${session} has no snapshot: it is at step ${now}, and ${there}${kept.length > 12 ? ", ..." : ""}. ${wayOut.join("")}`,
    "not-found",
  );
}

function checkedNeuron(id: string, asked: number | undefined, own: number | undefined, width: number) {
  if (own === undefined) {
    if (asked !== undefined) throw new FigureError(`figure ${id} is not of one neuron`, "invalid");
    return undefined;
  }
  if (asked === undefined) return Math.min(own, width - 1);
  if (Number.isSafeInteger(asked) && asked >= 0 && asked < width) return asked;
  throw new FigureError(`neuron must be 0 to ${width - 1}; got ${asked}`, "invalid");
}
