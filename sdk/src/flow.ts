import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  AnalysisService,
  type OutcomeContourResponse,
  type SimulateFlowRequestSchema,
  type SimulateFlowResponse,
} from "@grokbox/proto/analysis";
import type { Connection } from "./connection.ts";
import { type CallOptions, callKeys } from "./deadline.ts";
import { defined } from "./defined.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import { fromFloat64Tensor, type Tensor } from "./tensor.ts";
import { fromUint64, toUint64 } from "./uint64.ts";

/** theta = alpha cos(w_k j + phi), xi = beta cos(w_k j + psi), w_k = 2 pi k / p. */
export interface FlowStart {
  /** p, odd, 3 to 199. */
  readonly modulus: number;
  /** k, 1 to K. */
  readonly frequency: number;
  /** Greater than 1e-100, at most 1e6. */
  readonly alpha: number;
  /** Greater than 1e-100, at most 1e6. */
  readonly beta: number;
  /** Radians. */
  readonly phi: number;
  /** Radians. */
  readonly psi: number;
}

/** How the flow is followed. A unit of time is p^2 steps of a learning rate of 1. */
export type FlowMethod =
  /** An adaptive Runge-Kutta method, told at these increasing times. */
  | { readonly times: readonly number[] }
  /** The paper's explicit Euler steps on the vectors theta and xi. */
  | { readonly eulerSteps: number; readonly timeStep: number };

export interface NeuronFlowOptions extends CallOptions {
  /** k, 1 to K; must be given for a neuron whose theta is constant. @default theta's dominant frequency */
  readonly frequency?: number | undefined;
  /** Steps of kept snapshots at which to tell where the neuron really was. @default none */
  readonly compareAt?: readonly number[] | undefined;
}

const startKeys: Known<FlowStart> = {
  modulus: true,
  frequency: true,
  alpha: true,
  beta: true,
  phi: true,
  psi: true,
};

type Adaptive = Extract<FlowMethod, { readonly times: unknown }>;
type Euler = Exclude<FlowMethod, Adaptive>;

const adaptiveKeys: Known<Adaptive> = { times: true };
const eulerKeys: Known<Euler> = { eulerSteps: true, timeStep: true };
const methodKeys: Known<FlowMethod> = { ...adaptiveKeys, ...eulerKeys };

export const neuronFlowKeys: Known<NeuronFlowOptions> = { frequency: true, compareAt: true, ...callKeys };

/** n states of a flow, the first of an Euler flow its start. */
export interface Flow {
  /** k. */
  readonly frequency: number;
  /** [n], fewer than asked for when it blew up before. */
  readonly times: Float64Array;
  /** [n] */
  readonly alpha: Float64Array;
  /** [n] */
  readonly beta: Float64Array;
  /** [n], radians in [-pi, pi). */
  readonly phi: Float64Array;
  /** [n], radians in [-pi, pi). */
  readonly psi: Float64Array;
  /** [n], 2 phi - psi, radians in [-pi, pi). */
  readonly misalignment: Float64Array;
  /** When the flow from this start grows without bound. Absent when it doesn't. */
  readonly blowUpTime?: number;
  /** alpha^2 - 2 beta^2 and alpha^2 beta sin D, which the flow keeps. */
  readonly invariants: {
    readonly magnitude: number;
    readonly phase: number;
    /** Largest change over the states, over the largest alpha^2 + 2 beta^2 by then. */
    readonly magnitudeDrift: number;
    /** Largest change over the states, over the largest alpha^2 beta by then. */
    readonly phaseDrift: number;
  };
  /** Where the neuron really was. */
  readonly actual: readonly NeuronPoint[];
}

/** One neuron at one frequency, at one step. */
export interface NeuronPoint {
  readonly step: number;
  /** Of the flow. */
  readonly time: number;
  readonly alpha: number;
  readonly beta: number;
  /** Radians in [-pi, pi), like the next two. */
  readonly phi: number;
  readonly psi: number;
  readonly misalignment: number;
}

/** alpha = beta = a scale, psi = 0. */
export interface OutcomeContourOptions extends CallOptions {
  /** @default 23 */
  readonly modulus?: number | undefined;
  /** Greater than 0, at most 1. */
  readonly scales: readonly number[];
  /** 2 phi, radians. */
  readonly doubledPhases: readonly number[];
  /** Euler steps. @default 100 */
  readonly steps?: number | undefined;
  /** @default 0.01 */
  readonly timeStep?: number | undefined;
}

const contourKeys: Known<OutcomeContourOptions> = {
  modulus: true,
  scales: true,
  doubledPhases: true,
  steps: true,
  timeStep: true,
  ...callKeys,
};

type FlowMessage = MessageInitShape<typeof SimulateFlowRequestSchema>;

export async function simulateFlow(
  connection: Connection,
  start: FlowStart | (NeuronFlowOptions & { readonly name: string; readonly neuron: number }),
  method: FlowMethod,
  options: CallOptions,
): Promise<Flow> {
  const request: FlowMessage = { start: toStart(start), method: toMethod(method) };
  return fromFlow(await connection.read(AnalysisService.method.simulateFlow, request, options));
}

function toStart(start: Parameters<typeof simulateFlow>[1]): NonNullable<FlowMessage["start"]> {
  if (!("neuron" in start)) {
    refuseUnknown(start, startKeys, "state");
    return { case: "state", value: start };
  }
  const { name, neuron, frequency, compareAt = [] } = start;
  const steps = compareAt.map((step) => toUint64(step, "compare_at"));
  return { case: "neuron", value: { name, neuron, ...defined({ frequency }), compareAt: steps } };
}

function toMethod(method: FlowMethod): NonNullable<FlowMessage["method"]> {
  refuseUnknown(method, methodKeys, "method");
  if ("times" in method && method.times !== undefined) {
    refuseUnknown(method, adaptiveKeys, "adaptive");
    return { case: "adaptive", value: { times: [...method.times] } };
  }
  const { eulerSteps: steps, timeStep } = method as Euler;
  return { case: "euler", value: { steps, timeStep } };
}

/** Final beta, [scales, doubledPhases]; Infinity where Euler's steps, too long for so large a scale, leave float64. */
export async function outcomeContour(
  connection: Connection,
  options: OutcomeContourOptions,
): Promise<Tensor<Float64Array>> {
  refuseUnknown(options, contourKeys);
  const { modulus = 0, scales, doubledPhases, steps, timeStep } = options;
  const request = {
    modulus,
    scales: [...scales],
    doubledPhases: [...doubledPhases],
    ...defined({ steps, timeStep }),
  };
  const method = AnalysisService.method.outcomeContour;
  const answer: OutcomeContourResponse = await connection.read(method, request, options);
  return fromFloat64Tensor(answer.beta);
}

function fromFlow(message: SimulateFlowResponse): Flow {
  const column = (name: "times" | "alpha" | "beta" | "phi" | "psi" | "misalignment") =>
    fromFloat64Tensor(message[name]).data;
  const { frequency, blowUpTime, magnitudeInvariant, phaseInvariant, magnitudeDrift, phaseDrift } = message;
  return {
    frequency,
    times: column("times"),
    alpha: column("alpha"),
    beta: column("beta"),
    phi: column("phi"),
    psi: column("psi"),
    misalignment: column("misalignment"),
    ...defined({ blowUpTime }),
    invariants: { magnitude: magnitudeInvariant, phase: phaseInvariant, magnitudeDrift, phaseDrift },
    actual: message.actual.map(({ step, time, alpha, beta, phi, psi, misalignment }) => ({
      step: fromUint64(step),
      time,
      alpha,
      beta,
      phi,
      psi,
      misalignment,
    })),
  };
}
