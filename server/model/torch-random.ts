import { MersenneTwister } from "./mersenne-twister.ts";

const blockLength = 16;
const halfBlock = blockLength / 2;
const twoPi32 = Math.fround(2 * Math.PI);
const fround = Math.fround;

/** The CPU generator of PyTorch after `torch.manual_seed(seed)`, as far as weights and splits need it. */
export class TorchRandom {
  readonly #twister: MersenneTwister;
  /** The second value of a float64 Box-Muller pair, which PyTorch's generator keeps for the next small draw. */
  #sparedNormal: number | undefined;

  /** @param seed - 0..2^32-1 */
  constructor(seed: number) {
    this.#twister = MersenneTwister.fromSeed(seed);
  }

  /**
   * `torch.randn(count)` in float32 on the CPU, contiguous: Box-Muller over blocks of 16, every operation rounded to
   * float32 (`normal_fill` in PyTorch's DistributionTemplates.h); below 16 values in float64, a pair at a time.
   * Within 3 units in the last place of PyTorch's from 16 values on, since its vector log and cos are approximations.
   */
  randn(count: number): Float32Array {
    const values = new Float32Array(count);
    if (count < blockLength) {
      for (let i = 0; i < count; i++) values[i] = this.#normal();
      return values;
    }
    for (let i = 0; i < count; i++) values[i] = this.#uniform24();
    for (let start = 0; start + blockLength <= count; start += blockLength) boxMuller(values, start);
    if (count % blockLength !== 0) {
      const start = count - blockLength;
      for (let i = start; i < count; i++) values[i] = this.#uniform24();
      boxMuller(values, start);
    }
    return values;
  }

  /** Leaves the generator as `randn(count)` would. */
  skipRandn(count: number): void {
    if (count < blockLength) this.randn(count);
    else this.#twister.skip(count % blockLength === 0 ? count : count + blockLength);
  }

  /** `torch.randperm(count)`: a Fisher-Yates shuffle from the front, by remainder. */
  randperm(count: number): Uint32Array {
    const order = Uint32Array.from({ length: count }, (_, i) => i);
    for (let i = 0; i < count - 1; i++) {
      const j = i + (this.#twister.uint32() % (count - i));
      const swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
    return order;
  }

  #uniform24(): number {
    return (this.#twister.uint32() & 0xffffff) / 2 ** 24;
  }

  #uniform53(): number {
    const high = this.#twister.uint32() & 0x1fffff;
    return (high * 2 ** 32 + this.#twister.uint32()) / 2 ** 53;
  }

  #normal(): number {
    if (this.#sparedNormal !== undefined) {
      const spared = this.#sparedNormal;
      this.#sparedNormal = undefined;
      return spared;
    }
    const angle = 2 * Math.PI * this.#uniform53();
    const radius = Math.sqrt(-2 * Math.log1p(-this.#uniform53()));
    this.#sparedNormal = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}

/** Turns 16 uniforms in [0, 1) from `start` on into normals: i and i + 8 become r cos t and r sin t. */
function boxMuller(values: Float32Array, start: number): void {
  for (let i = start; i < start + halfBlock; i++) {
    // 1 - d is in (0, 1], so the logarithm is finite.
    const logarithm = fround(Math.log(fround(1 - values[i])));
    const radius = fround(Math.sqrt(fround(-2 * logarithm)));
    const angle = fround(twoPi32 * values[i + halfBlock]);
    values[i] = radius * fround(Math.cos(angle));
    values[i + halfBlock] = radius * fround(Math.sin(angle));
  }
}
