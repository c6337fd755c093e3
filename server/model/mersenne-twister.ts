const stateLength = 624;
const shiftLength = 397;

/**
 * MT19937 (Matsumoto and Nishimura, 1998): the generator under PyTorch's CPU generator, NumPy's `RandomState` and
 * Python's `random`. They differ in how they seed it and in what they make of its 32-bit draws.
 */
export class MersenneTwister {
  readonly #state: Uint32Array;
  #position = stateLength;

  private constructor(state: Uint32Array) {
    this.#state = state;
  }

  /** `init_genrand`, as `torch.manual_seed(seed)` and `numpy.random.RandomState(seed)` do; `seed` in 0..2^32-1. */
  static fromSeed(seed: number): MersenneTwister {
    return new MersenneTwister(expandSeed(seed));
  }

  /** `init_by_array`, as Python's `random.seed(seed)` does with the 32-bit words of |seed|, lowest first. */
  static fromKey(key: readonly number[]): MersenneTwister {
    const state = expandSeed(19650218);
    let i = 1;
    let j = 0;
    for (let round = Math.max(stateLength, key.length); round > 0; round--) {
      const previous = state[i - 1] ^ (state[i - 1] >>> 30);
      state[i] = (state[i] ^ Math.imul(previous, 1664525)) + key[j] + j;
      if (++i === stateLength) {
        state[0] = state[stateLength - 1];
        i = 1;
      }
      if (++j === key.length) j = 0;
    }
    for (let round = stateLength - 1; round > 0; round--) {
      const previous = state[i - 1] ^ (state[i - 1] >>> 30);
      state[i] = (state[i] ^ Math.imul(previous, 1566083941)) - i;
      if (++i === stateLength) {
        state[0] = state[stateLength - 1];
        i = 1;
      }
    }
    state[0] = 0x80000000;
    return new MersenneTwister(state);
  }

  /** The next draw, an integer in 0..2^32-1. */
  uint32(): number {
    if (this.#position === stateLength) this.#regenerate();
    let y = this.#state[this.#position++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  /** Passes over `count` draws. */
  skip(count: number): void {
    let left = count;
    while (left > stateLength - this.#position) {
      left -= stateLength - this.#position;
      this.#regenerate();
    }
    this.#position += left;
  }

  #regenerate(): void {
    const state = this.#state;
    for (let i = 0; i < stateLength; i++) {
      const next = i + 1 < stateLength ? i + 1 : 0;
      const shifted = i + shiftLength < stateLength ? i + shiftLength : i + shiftLength - stateLength;
      const y = (state[i] & 0x80000000) | (state[next] & 0x7fffffff);
      state[i] = state[shifted] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#position = 0;
  }
}

function expandSeed(seed: number): Uint32Array {
  const state = new Uint32Array(stateLength);
  state[0] = seed;
  for (let i = 1; i < stateLength; i++) {
    state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
  }
  return state;
}
