import { type Spectrum, type Wave, waves } from "@grokbox/sdk";
import { FigureError } from "./figure-error.ts";

/** The neurons of a spectrum that have a frequency, in its order. Fails where none has: all their rows of theta are constant. */
export function presentWaves(spectrum: Spectrum): Wave[] {
  const present = waves(spectrum).filter(({ frequency }) => frequency > 0);
  if (present.length === 0)
    throw new FigureError(
      `no neuron has a frequency at step ${spectrum.step}: their rows of theta are constant`,
      "state",
    );
  return present;
}
