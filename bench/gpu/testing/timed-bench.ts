import { largestLimits, planOf } from "../../../server/engine/webgpu/plan.ts";
import type { TiledTuning } from "../../../server/engine/webgpu/tiled-plan.ts";
import type { Bench, Subject } from "../search.ts";

export const wide: Subject = { p: 97, width: 9107, members: 1 };

/** Microseconds of the kernels of a wide network. */
export const usual = {
  ...{ "tiled-forward": 270, softmax: 12, "tiled-xi": 260, "tiled-theta": 314, "tiled-update": 30 },
};

/** What a way takes where that is not the usual; `pass` is all kernels together unless it is given. */
export type Times = Partial<Readonly<Record<keyof typeof usual | "pass", number>>> & {
  readonly bits?: string;
};

/** A bench without a card, with the plans of a large one, which takes the times that it is told. */
export class TimedBench implements Bench {
  /** In the order in which they were measured. */
  readonly measured: TiledTuning[] = [];
  readonly #timesOf: (tuning: TiledTuning, times: number) => Times;

  /** @param timesOf - of a way, and how often it was measured before; what it throws is why the way does not run */
  constructor(timesOf: (tuning: TiledTuning, before: number) => Times) {
    this.#timesOf = timesOf;
  }

  planOf(tuning: TiledTuning) {
    const shape = { modulus: wide.p, width: wide.width, dimension: 0, grokfast: false } as const;
    return planOf({ ...shape, activation: "relu", optimizer: "adamw" }, largestLimits, tuning);
  }

  async measure(tuning: TiledTuning) {
    const before = this.measured.filter((other) => JSON.stringify(other) === JSON.stringify(tuning)).length;
    this.measured.push(tuning);
    const { bits = "", pass, ...times } = this.#timesOf(tuning, before);
    const kernels = Object.entries({ ...usual, ...times }).map(([name, busy]) => ({ name, busy, idle: 0 }));
    const sum = kernels.reduce((total, { busy }) => total + busy, 0);
    return { pass: pass ?? sum, kernels, bits: Buffer.from(bits) };
  }
}
