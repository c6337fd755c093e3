import { type Session, type Spectrum, waves } from "@grokbox/sdk";
import { type EndState, measureEnd } from "../end-state.ts";
import type { Measurements } from "../measurements.ts";

/** Where the neuron and the energy off k* are looked at: the published checkpoints 0, 4,000 and 5,000. */
const lookedAt: readonly number[] = [1, 4_001, 5_001];
export const quadraticSnapshots = lookedAt;

/** The neuron of the published figures. */
const neuron = 1;

/** Of the quadratic network, which keeps its frequencies. Needs the snapshots that there are of `quadraticSnapshots`. */
export async function analyseQuadratic(
  session: Session,
  into: Measurements,
  signal: AbortSignal,
): Promise<EndState> {
  const of = "quad_single_freq";
  const { step: end } = session.info;
  const [state, last, ...spectra] = await Promise.all([
    measureEnd(session, signal),
    session.spectrum({ signal }),
    ...lookedAt.filter((step) => step < end).map((at) => session.spectrum({ at, signal })),
  ]);
  into.add(of, `step ${end}`, state);
  for (const spectrum of [...spectra, last]) {
    into.add(of, `step ${spectrum.step}`, {
      "energy of theta off k*": energyOff(spectrum, spectrum.theta),
      "energy of xi off k*": energyOff(spectrum, spectrum.xi),
    });
    into.add(of, `neuron ${neuron}, step ${spectrum.step}`, neuronOf(spectrum));
  }
  into.add(of, `neuron ${neuron}`, { frequency: (spectra[0] ?? last).dominantFrequency.data[neuron] });
  return state;
}

/** Of the relu network, whose frequencies leak to their harmonics. */
export async function analyseRelu(
  session: Session,
  into: Measurements,
  signal: AbortSignal,
): Promise<EndState> {
  const of = "relu_single_freq";
  const [state, { theta, xi }] = await Promise.all([
    measureEnd(session, signal),
    session.spectrum({ signal, neurons: [] }),
  ]);
  into.add(of, `step ${session.info.step}`, { ...state, ...leakage("theta", theta), ...leakage("xi", xi) });
  return state;
}

function leakage(layer: string, { harmonicLeakage }: Spectrum["theta"]): Record<string, number | undefined> {
  return Object.fromEntries(
    harmonicLeakage.map(({ order, medianRatio }) => [`${layer} at ${order} k*`, medianRatio]),
  );
}

/** Share of a layer's energy, summed over neurons, that is not at theta's dominant frequency; means excluded. */
function energyOff({ dominantFrequency }: Spectrum, { magnitude }: Spectrum["theta"]): number {
  const [neurons = 0, frequencies = 0] = magnitude.shape;
  let all = 0;
  let off = 0;
  for (let m = 0; m < neurons; m++) {
    for (let k = 1; k <= frequencies; k++) {
      const energy = magnitude.data[m * frequencies + k - 1]! ** 2;
      all += energy;
      if (k !== dominantFrequency.data[m]) off += energy;
    }
  }
  return off / all;
}

/** The neuron at its dominant frequency, and what the flow keeps of it. */
function neuronOf(spectrum: Spectrum) {
  const { alpha, beta, misalignment: D } = waves(spectrum)[neuron]!;
  return {
    D,
    alpha,
    "alpha^2 - 2 beta^2": alpha ** 2 - 2 * beta ** 2,
    "alpha^2 beta sin D": alpha ** 2 * beta * Math.sin(D),
  };
}
