import { frequencyCount } from "./fourier-basis.ts";

/** Number of neurons of each dominant frequency: [K], entry k - 1; those without one (0) are in none. */
export function neuronsPerFrequency(dominant: Uint8Array, modulus: number): Uint32Array {
  const counts = new Uint32Array(frequencyCount(modulus));
  for (const frequency of dominant) if (frequency > 0) counts[frequency - 1]++;
  return counts;
}

/** Of the neurons whose two layers both have a dominant frequency, the share, in [0, 1], that has the same one; 0 of none. */
export function layerAgreement(thetaDominant: Uint8Array, xiDominant: Uint8Array): number {
  const both = [...thetaDominant.keys()].filter((m) => thetaDominant[m] > 0 && xiDominant[m] > 0);
  return both.filter((m) => thetaDominant[m] === xiDominant[m]).length / Math.max(1, both.length);
}
