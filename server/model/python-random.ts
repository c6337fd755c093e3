import { MersenneTwister } from "./mersenne-twister.ts";

/** Python's `random.Random(seed)`, as far as the published grokking split needs it. */
export class PythonRandom {
  readonly #twister: MersenneTwister;

  /** @param seed - 0..2^32-1, which is one word of key */
  constructor(seed: number) {
    this.#twister = MersenneTwister.fromKey([seed]);
  }

  /** `random.shuffle` in place: Fisher-Yates from the back. */
  shuffle(values: Uint32Array): void {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.#below(i + 1);
      const swapped = values[i];
      values[i] = values[j];
      values[j] = swapped;
    }
  }

  /** `Random._randbelow_with_getrandbits`: uniform in 0..limit-1 from the high bits of a draw, redrawn when too large. */
  #below(limit: number): number {
    const unusedBits = Math.clz32(limit);
    let draw: number;
    do draw = this.#twister.uint32() >>> unusedBits;
    while (draw >= limit);
    return draw;
  }
}
