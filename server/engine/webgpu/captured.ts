import { type SpectralMeasures, SpectralMeter } from "../../model/spectral-measures.ts";
import type { Weights } from "../engine.ts";
import type { Asked, Network } from "./network.ts";
import { readOut } from "./state-layout.ts";

/**
 * The states on the way that a request asked for. One to be measured is measured when it comes back, while the device goes on, and not
 * kept: at p = 97, M = 9,107 it is 7 MB.
 */
export class Captured {
  readonly #weights: Weights[] = [];
  readonly #measures: SpectralMeasures[] = [];
  readonly #network: Network;
  #meter: SpectralMeter | undefined;
  readonly #weightsAt: ReadonlySet<number>;
  readonly #measureAt: ReadonlySet<number>;
  /** After how many updates, increasing; those before `#next` are submitted. */
  readonly #at: readonly number[];
  #next = 0;

  constructor(network: Network, { weightsAt, measureAt }: Asked) {
    this.#network = network;
    this.#weightsAt = new Set(weightsAt);
    this.#measureAt = new Set(measureAt);
    this.#at = [...new Set([...weightsAt, ...measureAt])].sort((a, b) => a - b);
  }

  /**
   * The next states to copy out, at most `most` of them, of those after up to `updates` updates.
   *
   * @returns with `end`, the last of them, when there are more: the portion must end there
   */
  due(updates: number, most: number): { readonly captures: readonly number[]; readonly end?: number } {
    const first = this.#next;
    while (this.#at[this.#next] <= updates && this.#next - first < most) this.#next++;
    const captures = this.#at.slice(first, this.#next);
    return this.#at[this.#next] <= updates ? { captures, end: captures[captures.length - 1] } : { captures };
  }

  /** @param layers - theta and xi, as they lie on the device */
  take(at: number, layers: Float32Array): void {
    const { pool, problem } = this.#network;
    const [theta, xi] = pool.plan.state.arrays.slice(0, 2).map((stored) => readOut(layers, stored));
    if (this.#measureAt.has(at)) {
      this.#meter ??= new SpectralMeter(problem.modulus);
      this.#measures.push(this.#meter.measure(theta, xi));
    }
    if (this.#weightsAt.has(at)) this.#weights.push({ theta, xi });
  }

  /** Of states after up to `steps` updates: one that came back may turn out to be beyond a divergence, when it is evaluated. */
  upTo(steps: number): {
    readonly weights: readonly Weights[];
    readonly measures: readonly SpectralMeasures[];
  } {
    const count = (at: ReadonlySet<number>) => [...at].filter((after) => after <= steps).length;
    return {
      weights: this.#weights.slice(0, count(this.#weightsAt)),
      measures: this.#measures.slice(0, count(this.#measureAt)),
    };
  }
}
