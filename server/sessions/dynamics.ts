import { blowUpTime, type FlowState } from "../model/flow.ts";
import { dominantFrequencies, spectrum } from "../model/fourier.ts";
import type { LotteryResult } from "../model/lottery.ts";
import { type RaceState, raceState } from "../model/race.ts";
import type { Spec } from "../model/spec.ts";
import type { Subject } from "./analysis.ts";
import { cancelled, invalid } from "./errors.ts";
import type { Registry } from "./registry.ts";
import type { Session } from "./session.ts";

/** What a normal draw costs, roughly, beside a multiply-add. */
const operationsADraw = 32;

/** What the forecast of one neuron and frequency costs. */
const operationsAForecast = 4_000;

export interface RaceStep extends RaceState {
  readonly step: number;
}

/** The weights of step 0 as the spec draws them. */
export function initialWeights(registry: Pick<Registry, "analyst">, spec: Spec, signal: AbortSignal) {
  const operations = spec.modulus * spec.width * operationsADraw;
  return registry.analyst.run("initialState", { operations, signal }, spec);
}

/** Forecasts winners from one state and scores the forecast against another of the same shape. */
export function forecast(
  registry: Pick<Registry, "analyst">,
  begin: { readonly theta: Float32Array; readonly xi: Float32Array },
  { spec, state }: Subject,
  signal: AbortSignal,
): Promise<LotteryResult> {
  const { modulus, width } = spec;
  const operations = ((width * (modulus - 1)) / 2) * operationsAForecast;
  const { theta, xi } = begin;
  return registry.analyst.run("lottery", { operations, signal }, { theta, xi }, state.theta, modulus);
}

/** Where all frequencies of some neurons stood at kept snapshots. Fails with SNAPSHOT_NOT_FOUND. */
export async function race(
  session: Session,
  neurons: readonly number[],
  steps: readonly number[],
  signal: AbortSignal,
): Promise<RaceStep[]> {
  return eachSnapshot(session, steps, signal, ({ spec, state }, step) => ({
    step,
    ...raceState(state.theta, state.xi, spec.modulus, neurons),
  }));
}

/** Where a neuron was at a frequency, 1..K, at kept snapshots. Fails with SNAPSHOT_NOT_FOUND. */
export function neuronStates(
  session: Session,
  { neuron, frequency }: { readonly neuron: number; readonly frequency: number },
  steps: readonly number[],
  signal: AbortSignal,
): Promise<(ReturnType<typeof neuronState> & { readonly step: number })[]> {
  return eachSnapshot(session, steps, signal, (network, step) => ({
    step,
    ...neuronState(network, neuron, frequency),
  }));
}

async function eachSnapshot<T>(
  session: Session,
  steps: readonly number[],
  signal: AbortSignal,
  read: (network: Subject, step: number) => T,
): Promise<T[]> {
  // Before any is read, so that a wrong one costs nothing.
  for (const step of steps) session.snapshots.get(step);
  const found: T[] = [];
  for (const step of steps) {
    if (signal.aborted) throw cancelled(signal);
    found.push(read(await session.readSnapshot(step), step));
  }
  return found;
}

/** Where a neuron is at a frequency, 1..K; at its dominant one by default. Fails with INVALID_FIELD where it has none. */
export function neuronState(
  { spec, state }: Subject,
  neuron: number,
  frequency?: number,
): FlowState & { readonly frequency: number } {
  const { modulus } = spec;
  const of = (layer: Float32Array) =>
    spectrum(layer.subarray(neuron * modulus, (neuron + 1) * modulus), modulus);
  const inner = of(state.theta);
  const outer = of(state.xi);
  const k = frequency ?? dominantFrequencies(inner)[0]!;
  if (k === 0) {
    const description = `must be given: theta of neuron ${neuron} is constant, so that it has no dominant frequency`;
    throw invalid([{ field: "neuron.frequency", description }]);
  }
  const at = k - 1;
  return {
    frequency: k,
    alpha: inner.magnitude[at]!,
    beta: outer.magnitude[at]!,
    phi: inner.phase[at]!,
    psi: outer.phase[at]!,
  };
}

/** When the flow from a state blows up; undefined when it doesn't. */
export function finiteBlowUp(state: FlowState, modulus: number): number | undefined {
  const time = blowUpTime(state, modulus);
  return Number.isFinite(time) ? time : undefined;
}

/** Fails where the weights of step 0 are not those of the spec. */
export function checkDrawn(spec: Spec): void {
  if (spec.init.kind !== "uploaded") return;
  throw invalid([
    {
      field: "begin",
      description: "must name a snapshot: the session began with uploaded weights, which its spec can't draw",
    },
  ]);
}
