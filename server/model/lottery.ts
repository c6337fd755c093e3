import { wrapAngle } from "./angle.ts";
import { blowUpTime } from "./flow.ts";
import { dominantFrequencies, type Spectrum, spectrum } from "./fourier.ts";
import { frequencyCount } from "./fourier-basis.ts";

type Weights = Float32Array | Float64Array;

/** Which frequency each neuron will end with. */
export interface Forecast {
  /** [M], 1..K: whose decoupled flow blows up first, ties to the lowest; 0 when none does. */
  readonly winner: Uint8Array;
  /** [M], 1 - earliest blow-up time / second earliest, 0 to 1: 1 when a single one is finite; 0 when none is. */
  readonly confidence: Float64Array;
}

/**
 * Forecasts the winner of every neuron from the weights at the beginning (paper, lottery ticket). It is the flow's under quadratic
 * activation and small weights; under others it is a guess that holds more often than not.
 *
 * @param theta - [M, p] row-major
 * @param xi - [M, p] row-major
 */
export function forecastWinners(theta: Weights, xi: Weights, modulus: number): Forecast {
  const inner = spectrum(theta, modulus);
  const outer = spectrum(xi, modulus);
  const count = frequencyCount(modulus);
  const winner = new Uint8Array(inner.width);
  const confidence = new Float64Array(inner.width);
  for (let m = 0; m < inner.width; m++) {
    let first = Number.POSITIVE_INFINITY;
    let second = Number.POSITIVE_INFINITY;
    for (let k = 0; k < count; k++) {
      const at = m * count + k;
      const time = blowUpTime(
        {
          alpha: inner.magnitude[at]!,
          beta: outer.magnitude[at]!,
          phi: inner.phase[at]!,
          psi: outer.phase[at]!,
        },
        modulus,
      );
      if (time < first) {
        [second, first] = [first, time];
        winner[m] = k + 1;
      } else if (time < second) second = time;
    }
    confidence[m] = Number.isFinite(first) ? 1 - first / second : 0;
  }
  return { winner, confidence };
}

/** By the smallest |D_k| at the beginning alone, [M], 0 without any: right if all magnitudes were equal. */
export function smallestMisalignment(theta: Weights, xi: Weights, modulus: number): Uint8Array {
  const inner = spectrum(theta, modulus);
  const outer = spectrum(xi, modulus);
  // The nearer to 0 the larger; 0 where a layer has no amplitude, and so no D.
  const nearness = inner.phase.map((phi, i) =>
    inner.magnitude[i]! > 0 && outer.magnitude[i]! > 0
      ? 1 / Math.abs(wrapAngle(2 * phi - outer.phase[i]!))
      : 0,
  );
  return dominantFrequencies({ ...inner, magnitude: nearness } satisfies Spectrum);
}

/** Of the neurons that have a frequency, the share, 0 to 1, whose was forecast; 0 of none. */
export function shareRight(forecast: Uint8Array, actual: Uint8Array): number {
  const right = forecast.filter((k, m) => k > 0 && k === actual[m]).length;
  return right / Math.max(1, actual.filter((k) => k > 0).length);
}

/** A forecast with its baselines, scored. */
export interface LotteryResult extends Forecast {
  /** [M], theta's dominant frequency in the end; 0 where theta is constant. */
  readonly actual: Uint8Array;
  readonly shareRight: number;
  readonly shareByMisalignment: number;
  /** By the largest magnitude of theta at the beginning alone. */
  readonly shareByMagnitude: number;
}

/** Forecasts from one state and scores the forecast against another. */
export function lottery(
  begin: { readonly theta: Weights; readonly xi: Weights },
  end: Weights,
  modulus: number,
): LotteryResult {
  const forecast = forecastWinners(begin.theta, begin.xi, modulus);
  const actual = dominantFrequencies(spectrum(end, modulus));
  return {
    ...forecast,
    actual,
    shareRight: shareRight(forecast.winner, actual),
    shareByMisalignment: shareRight(smallestMisalignment(begin.theta, begin.xi, modulus), actual),
    shareByMagnitude: shareRight(dominantFrequencies(spectrum(begin.theta, modulus)), actual),
  };
}
