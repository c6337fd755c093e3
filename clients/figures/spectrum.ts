import type { LayerSpectrum } from "@grokbox/sdk";

/** The layers by the letters that figures call them. */
export const layers = ["theta", "xi"] as const;
export type LayerName = (typeof layers)[number];
export const letters: Readonly<Record<LayerName, string>> = { theta: "θ", xi: "ξ" };

/** K of a spectrum's layer. */
export function frequencies({ magnitude }: LayerSpectrum): number {
  return magnitude.shape[1] ?? 0;
}

/**
 * The orthonormal Fourier coefficients of a row: of the constant, then of cos and sin of each frequency; p of them.
 *
 * @param row - of the spectrum
 */
export function coefficients(layer: LayerSpectrum, row: number): number[] {
  const count = frequencies(layer);
  const modulus = 2 * count + 1;
  const found = [Math.sqrt(modulus) * layer.mean.data[row]!];
  for (let i = row * count; i < (row + 1) * count; i++) {
    const amplitude = Math.sqrt(modulus / 2) * layer.magnitude.data[i]!;
    found.push(amplitude * Math.cos(layer.phase.data[i]!), -amplitude * Math.sin(layer.phase.data[i]!));
  }
  return found;
}

/** The row itself, p weights: mean plus a cosine a frequency. */
export function weights(layer: LayerSpectrum, row: number): number[] {
  const count = frequencies(layer);
  const modulus = 2 * count + 1;
  return Array.from({ length: modulus }, (_, j) => {
    let weight = layer.mean.data[row]!;
    for (let k = 1; k <= count; k++) {
      const i = row * count + k - 1;
      weight += layer.magnitude.data[i]! * Math.cos((2 * Math.PI * k * j) / modulus + layer.phase.data[i]!);
    }
    return weight;
  });
}

/** Points of magnitude cos(2 pi k j / p + phase) + mean, finely over 0 <= j <= p - 1. */
export function cosine(
  wave: {
    readonly frequency: number;
    readonly magnitude: number;
    readonly phase: number;
    readonly mean: number;
  },
  modulus: number,
): { readonly j: number; readonly weight: number }[] {
  const fine = 12;
  return Array.from({ length: (modulus - 1) * fine + 1 }, (_, i) => {
    const angle = (2 * Math.PI * wave.frequency * i) / fine / modulus + wave.phase;
    return { j: i / fine, weight: wave.magnitude * Math.cos(angle) + wave.mean };
  });
}

/** An angle in [-pi, pi). */
export function wrap(angle: number): number {
  const turns = Math.floor((angle + Math.PI) / (2 * Math.PI));
  return angle - turns * 2 * Math.PI;
}

/**
 * Angles over time without jumps of 2 pi.
 *
 * @param from - near which the first one is taken; as it is by default
 */
export function unwrap(angles: readonly number[], from = angles[0] ?? 0): number[] {
  let last = from;
  return angles.map((angle) => {
    last += wrap(angle - last);
    return last;
  });
}
