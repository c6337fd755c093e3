import { blowUpTime, type FlowState } from "../model/flow.ts";
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
  // Before any is read, so that a wrong one costs nothing.
  for (const step of steps) session.snapshots.get(step);
  const found: RaceStep[] = [];
  for (const step of steps) {
    if (signal.aborted) throw cancelled(signal);
    const { spec, state } = await session.readSnapshot(step);
    found.push({ step, ...raceState(state.theta, state.xi, spec.modulus, neurons) });
  }
  return found;
}

/** Where a neuron is at a frequency, 1..K; at its dominant one by default. */
export function neuronState(
  { spec, state }: Subject,
  neuron: number,
  frequency?: number,
): FlowState & { readonly frequency: number } {
  const { modulus } = spec;
  const { thetaMagnitude, xiMagnitude, thetaPhase, xiPhase } = raceState(state.theta, state.xi, modulus, [
    neuron,
  ]);
  const k = frequency ?? 1 + thetaMagnitude.indexOf(thetaMagnitude.reduce((a, b) => Math.max(a, b), 0));
  const at = k - 1;
  return {
    frequency: k,
    alpha: thetaMagnitude[at]!,
    beta: xiMagnitude[at]!,
    phi: thetaPhase[at]!,
    psi: xiPhase[at]!,
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
