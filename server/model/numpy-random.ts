import { MersenneTwister } from "./mersenne-twister.ts";

/** NumPy's legacy `RandomState(seed)`, as far as the published single-frequency init needs it. */
export class NumpyRandom {
  readonly #twister: MersenneTwister;

  /** @param seed - 0..2^32-1 */
  constructor(seed: number) {
    this.#twister = MersenneTwister.fromSeed(seed);
  }

  /** `RandomState.shuffle` of a one-dimensional array, in place: Fisher-Yates from the back, by masked rejection. */
  shuffle(values: Uint8Array | Uint16Array | Uint32Array): void {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.#interval(i);
      const swapped = values[i];
      values[i] = values[j];
      values[j] = swapped;
    }
  }

  /** `random_interval` of NumPy's distributions.c: uniform in 0..max, both included, `max` in 1..2^32-1. */
  #interval(max: number): number {
    const mask = 0xffffffff >>> Math.clz32(max);
    let draw: number;
    do draw = (this.#twister.uint32() & mask) >>> 0;
    while (draw > max);
    return draw;
  }
}
