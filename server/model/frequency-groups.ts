import { frequencyCount } from "./fourier-basis.ts";

/** Number of neurons of each dominant frequency: [K], entry k - 1. */
export function neuronsPerFrequency(dominant: Uint8Array, modulus: number): Uint32Array {
  const counts = new Uint32Array(frequencyCount(modulus));
  for (const frequency of dominant) counts[frequency - 1]++;
  return counts;
}

/** Share of neurons, in [0, 1], whose two layers have the same dominant frequency. */
export function layerAgreement(thetaDominant: Uint8Array, xiDominant: Uint8Array): number {
  return thetaDominant.filter((frequency, m) => frequency === xiDominant[m]).length / thetaDominant.length;
}
