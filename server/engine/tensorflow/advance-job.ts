import type { SpectralMeasures, SpectralMeter } from "../../model/spectral-measures.ts";
import type { Advance, Trace, Weights } from "../engine.ts";
import type { TraceRow } from "./gradients.ts";
import type { StopFlag } from "./protocol.ts";
import type { ResidentNetwork } from "./resident-network.ts";

export interface JobOptions {
  readonly steps: number;
  readonly weightsAt: readonly number[];
  readonly measureAt: readonly number[];
}

/** One call of `advance`, made in slices. */
export class AdvanceJob {
  readonly #network: ResidentNetwork;
  readonly #meter: SpectralMeter;
  readonly #stop: StopFlag;
  readonly #options: JobOptions;
  readonly #rows: TraceRow[] = [];
  readonly #weights: Weights[] = [];
  readonly #measures: SpectralMeasures[] = [];
  #diverged = false;

  constructor(network: ResidentNetwork, meter: SpectralMeter, stop: StopFlag, options: JobOptions) {
    this.#network = network;
    this.#meter = meter;
    this.#stop = stop;
    this.#options = options;
  }

  get done(): boolean {
    return this.#diverged || this.#rows.length === this.#options.steps || Atomics.load(this.#stop, 0) !== 0;
  }

  /** Steps until `deadline` (of `performance.now`), at least one unless it is done. */
  slice(deadline: number): void {
    while (!this.done) {
      this.#step();
      if (performance.now() >= deadline) return;
    }
  }

  result(): Advance {
    return {
      steps: this.#rows.length,
      diverged: this.#diverged,
      trace: columnsOf(this.#rows),
      weights: this.#weights,
      measures: this.#measures,
    };
  }

  #step(): void {
    const { weightsAt, measureAt } = this.#options;
    if (!this.#network.advance()) {
      this.#diverged = true;
      return;
    }
    this.#rows.push(this.#network.row);
    const captured = weightsAt[this.#weights.length] === this.#rows.length;
    const measured = measureAt[this.#measures.length] === this.#rows.length;
    if (!captured && !measured) return;
    const weights = this.#network.weights();
    if (captured) this.#weights.push(weights);
    if (measured) this.#measures.push(this.#meter.measure(weights.theta, weights.xi));
  }
}

export function columnsOf(rows: readonly TraceRow[]): Trace {
  const column = (name: keyof Trace) => Float64Array.from(rows, (row) => row[name]);
  return {
    trainLoss: column("trainLoss"),
    testLoss: column("testLoss"),
    correctCommon: column("correctCommon"),
    correctRare: column("correctRare"),
    correctPartner: column("correctPartner"),
    correctHeldOut: column("correctHeldOut"),
    gradientNorm: column("gradientNorm"),
    parameterNorm: column("parameterNorm"),
  };
}
