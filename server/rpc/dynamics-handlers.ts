import type { AnalysisService, FlowStart, NeuronStart, SimulateFlowRequest } from "@grokbox/proto/analysis";
import { doubles, floats, integers } from "../messages/analysis.ts";
import { Checks } from "../messages/checks.ts";
import { defined } from "../messages/defined.ts";
import { wrapAngle } from "../model/angle.ts";
import { type FlowState, flowInvariants, flowMisalignment, invariantDrift } from "../model/flow.ts";
import { flowTime } from "../model/flow-time.ts";
import { subject } from "../sessions/analysis.ts";
import {
  checkDrawn,
  finiteBlowUp,
  forecast,
  initialWeights,
  neuronState,
  neuronStates,
  race,
} from "../sessions/dynamics.ts";
import { invalid } from "../sessions/errors.ts";
import type { Registry } from "../sessions/registry.ts";
import type { Handlers } from "./service.ts";

type Dynamics = Pick<Handlers<typeof AnalysisService>, "lottery" | "simulateFlow" | "outcomeContour">;

const mostSnapshots = 1_000;
const mostRacing = 64;

/** Of a race: three arrays of so many float32 stay below 4 MiB. */
const mostNumbers = 250_000;

/** A magnitude above it has a third power, as alpha^2 beta of the flow, that float64 holds with all digits. */
const leastMagnitude = 1e-100;

/** What a step of a flow costs. */
const operationsAStep = 200;

/** Where a flow begins. */
interface Beginning {
  readonly modulus: number;
  readonly frequency: number;
  readonly state: FlowState;
  /** Of the neuron itself. */
  readonly actual: readonly (FlowState & { readonly step: number; readonly time: number })[];
}

export function dynamicsHandlers(registry: Registry): Dynamics {
  return {
    lottery: async ({ name, begin, neurons, raceAt }, { signal }) => {
      const checks = new Checks();
      const at = checks.subject("name", name);
      const from = begin === "" ? undefined : checks.snapshot("begin", begin);
      if (neurons.length > mostRacing)
        checks.fail("neurons", `must be at most ${mostRacing}`, neurons.length);
      const steps = kept(checks, "race_at", raceAt);
      checks.throwIfAny();
      const network = await subject(registry, at, signal);
      const { modulus, width } = network.spec;
      const most = Math.floor(mostNumbers / ((modulus - 1) / 2) / Math.max(1, neurons.length));
      if (steps.length > most)
        checks.fail("race_at", `must be at most ${most} for ${neurons.length} neurons`, steps.length);
      for (const [i, neuron] of neurons.entries()) checks.integer(`neurons[${i}]`, neuron, 0, width - 1);
      checks.throwIfAny();
      if (from === undefined) checkDrawn(network.spec);
      const source = from === undefined ? undefined : await subject(registry, from, signal);
      if (source !== undefined && (source.spec.modulus !== modulus || source.spec.width !== width)) {
        const { spec } = source;
        checks.fail("begin", `must have p ${modulus} and M ${width}`, `${spec.modulus} and ${spec.width}`);
        checks.throwIfAny();
      }
      const first = source?.state ?? (await initialWeights(registry, network.spec, signal));
      const result = await forecast(registry, first, network, signal);
      const session = registry.get(at.session);
      const frequencies = (modulus - 1) / 2;
      const shape = [neurons.length, frequencies];
      return {
        step: BigInt(network.state.step),
        beginStep: BigInt(source?.state.step ?? 0),
        forecast: integers(result.winner, [width]),
        confidence: doubles(result.confidence, [width]),
        actual: integers(result.actual, [width]),
        shareRight: result.shareRight,
        shareByMisalignment: result.shareByMisalignment,
        shareByMagnitude: result.shareByMagnitude,
        race: (await race(session, neurons, steps, signal)).map((state) => ({
          step: BigInt(state.step),
          thetaMagnitude: floats(state.thetaMagnitude, shape),
          xiMagnitude: floats(state.xiMagnitude, shape),
          misalignment: floats(state.misalignment, shape),
        })),
      };
    },

    simulateFlow: async (request, { signal }) => {
      const checks = new Checks();
      checkMethod(request, checks);
      const begin = await beginning(registry, request, checks, signal);
      const { modulus, frequency, state, actual } = begin;
      const { times, states } = await follow(registry, request, begin, signal);
      const shape = [states.length];
      const column = (of: (state: FlowState) => number) => doubles(states.map(of), shape);
      const { magnitude, phase } = flowInvariants(state);
      const drift = invariantDrift(state, states);
      return {
        frequency,
        times: doubles(times, shape),
        alpha: column(({ alpha }) => alpha),
        beta: column(({ beta }) => beta),
        phi: column(({ phi }) => phi),
        psi: column(({ psi }) => psi),
        misalignment: column(flowMisalignment),
        ...defined({ blowUpTime: finiteBlowUp(state, modulus) }),
        magnitudeInvariant: magnitude,
        phaseInvariant: phase,
        magnitudeDrift: drift.magnitude,
        phaseDrift: drift.phase,
        actual: actual.map(({ step, time, alpha, beta, phi, psi }) => ({
          step: BigInt(step),
          time,
          alpha,
          beta,
          phi,
          psi,
          misalignment: flowMisalignment({ alpha, beta, phi, psi }),
        })),
      };
    },

    outcomeContour: async (request, { signal }) => {
      const checks = new Checks();
      const modulus = request.modulus === 0 ? 23 : checks.modulus("modulus", request.modulus);
      const { scales, doubledPhases } = request;
      checks.numbers("scales", scales, { over: 0, max: 1 }, 200);
      checks.numbers("doubled_phases", doubledPhases, { max: Number.MAX_VALUE }, 200);
      const steps = checks.integer("steps", request.steps, 1, 10_000, 100);
      const timeStep = checks.number("time_step", request.timeStep, { over: 0, max: 1 }, 0.01);
      checks.throwIfAny();
      const operations = scales.length * doubledPhases.length * steps * 50;
      const grid = { modulus, scales, doubledPhases, steps, timeStep };
      const beta = await registry.analyst.run("outcomeContour", { operations, signal }, grid);
      return { beta: doubles(beta, [scales.length, doubledPhases.length]) };
    },
  };
}

/** Steps of kept snapshots. */
function kept(checks: Checks, field: string, steps: readonly bigint[]): number[] {
  if (steps.length > mostSnapshots) checks.fail(field, `must be at most ${mostSnapshots}`, steps.length);
  return steps
    .slice(0, mostSnapshots)
    .map((step, i) => checks.integer(`${field}[${i}]`, step, 0, Number.MAX_SAFE_INTEGER, 0));
}

function checkMethod({ method }: SimulateFlowRequest, checks: Checks): void {
  if (method.case === "adaptive") {
    const { times } = method.value;
    checks.numbers("adaptive.times", times, { min: 0, max: Number.MAX_VALUE }, 10_000);
    const falls = times.findIndex((time, i) => i > 0 && time <= times[i - 1]!);
    if (falls > 0)
      checks.fail(`adaptive.times[${falls}]`, "must be greater than the one before", times[falls]);
  } else if (method.case === "euler") {
    checks.integer("euler.steps", method.value.steps, 1, 50_000);
    checks.number("euler.time_step", method.value.timeStep, { over: 0, max: 1 }, 1);
  } else checks.fail("method", "must be adaptive or euler");
}

async function beginning(
  registry: Registry,
  { start }: SimulateFlowRequest,
  checks: Checks,
  signal: AbortSignal,
): Promise<Beginning> {
  if (start.case === "neuron") return beginningOfNeuron(registry, start.value, checks, signal);
  if (start.case === "state") return { ...stated(start.value, checks), actual: [] };
  checks.fail("start", "must be state or neuron");
  checks.throwIfAny();
  throw new Error("unreachable");
}

function stated(start: FlowStart, checks: Checks): Omit<Beginning, "actual"> {
  const modulus = checks.modulus("state.modulus", start.modulus);
  const frequency = checks.integer("state.frequency", start.frequency, 1, (modulus - 1) / 2, 1);
  const magnitude = (field: string, value: number) =>
    checks.number(`state.${field}`, value, { over: leastMagnitude, max: 1e6 }, 1);
  const angle = (field: string, value: number) =>
    wrapAngle(checks.number(`state.${field}`, value, { max: Number.MAX_VALUE }, 0));
  const state = {
    alpha: magnitude("alpha", start.alpha),
    beta: magnitude("beta", start.beta),
    phi: angle("phi", start.phi),
    psi: angle("psi", start.psi),
  };
  checks.throwIfAny();
  return { modulus, frequency, state };
}

async function beginningOfNeuron(
  registry: Registry,
  { name, neuron, frequency, compareAt }: NeuronStart,
  checks: Checks,
  signal: AbortSignal,
): Promise<Beginning> {
  const at = checks.subject("neuron.name", name);
  const steps = kept(checks, "neuron.compare_at", compareAt);
  checks.throwIfAny();
  const network = await subject(registry, at, signal);
  const { spec } = network;
  checks.integer("neuron.neuron", neuron, 0, spec.width - 1);
  checks.integer("neuron.frequency", frequency, 1, (spec.modulus - 1) / 2, 1);
  checks.throwIfAny();
  const { frequency: k, ...state } = neuronState(network, neuron, frequency);
  const session = registry.get(at.session);
  const states = await neuronStates(session, { neuron, frequency: k }, steps, signal);
  const actual = states.map(({ step, alpha, beta, phi, psi }) => ({
    step,
    time: Math.sign(step - network.state.step) * timeBetween(spec, step, network.state.step),
    ...{ alpha, beta, phi, psi },
  }));
  return { modulus: spec.modulus, frequency: k, state, actual };
}

function timeBetween(spec: Parameters<typeof flowTime>[0], a: number, b: number): number {
  return flowTime(spec, Math.min(a, b), Math.max(a, b));
}

async function follow(
  registry: Registry,
  { method }: SimulateFlowRequest,
  { modulus, state }: Beginning,
  signal: AbortSignal,
): Promise<{ times: number[]; states: readonly FlowState[] }> {
  if (method.case === "adaptive") {
    const { times } = method.value;
    const operations = times.length * operationsAStep * 10;
    const { states } = await registry.analyst.run(
      "simulateFlow",
      { operations, signal },
      state,
      modulus,
      times,
    );
    return { times: times.slice(0, states.length), states };
  }
  if (method.case !== "euler") throw invalid([{ field: "method", description: "must be adaptive or euler" }]);
  const { steps, timeStep } = method.value;
  const operations = steps * operationsAStep;
  const states = await registry.analyst.run(
    "eulerFlow",
    { operations, signal },
    state,
    modulus,
    steps,
    timeStep,
  );
  const finite = states.findIndex(({ alpha, beta }) => !Number.isFinite(alpha + beta));
  const reached = finite < 0 ? states : states.slice(0, finite);
  return { times: reached.map((_, i) => i * timeStep), states: reached };
}
