import type { Engine, Problem, Weights } from "../engine/engine.ts";
import { flowTime } from "../model/flow-time.ts";
import type { SpectralMeasures } from "../model/spectral-measures.ts";
import type { Analyst } from "./analyst.ts";
import type { ExtraMeasure } from "./extra-measures.ts";
import { isSpectral, needsBase, type SchedulableMeasure, type ScheduledValues } from "./measure-schedule.ts";

/** What an exponential costs, roughly, beside a multiply-add. */
const operationsAnExponential = 16;

/** The state at which a session began, which drifts are taken against. */
export interface Base extends Weights {
  readonly step: number;
}

/** A state to be measured. */
export interface Measured extends Weights {
  readonly step: number;
  readonly problem: Problem;
  /** Measured by the engine; undefined where none of them is due. */
  readonly spectral: SpectralMeasures | undefined;
  /** Every update since the base was made under the present activation. */
  readonly isStraight: boolean;
}

/** Where the measures of one kind come from. */
const ofDominant: readonly ExtraMeasure[] = ["dominantOnlyTrainLoss", "dominantOnlyTestLoss"];
const ofRemoved: readonly ExtraMeasure[] = ["dominantRemovedTrainLoss", "dominantRemovedTestLoss"];
const ofVoting: readonly ExtraMeasure[] = ["votingResidual", "votingRSquared"];
const ofLogits: readonly ExtraMeasure[] = ["maxProbabilityDeviation", ...ofVoting];

/** Those that the engine has measured. */
export function spectralValues(
  due: readonly SchedulableMeasure[],
  spectral: SpectralMeasures | undefined,
): ScheduledValues {
  const values: { [M in SchedulableMeasure]?: number } = {};
  for (const measure of due) {
    const value = isSpectral(measure) ? spectral?.[measure] : undefined;
    if (value !== undefined) values[measure] = value;
  }
  return values;
}

/** Takes measures of states, off the event loop: of equal states equal to the last bit. */
export class Measurer {
  readonly #evaluator: Pick<Engine, "logits">;
  readonly #analyst: Analyst;
  readonly #readBase: () => Promise<Base | undefined>;
  #base: Base | undefined;

  /** @param readBase - undefined: it is lost, and what is taken against it absent */
  constructor(
    evaluator: Pick<Engine, "logits">,
    analyst: Analyst,
    readBase: () => Promise<Base | undefined>,
  ) {
    this.#evaluator = evaluator;
    this.#analyst = analyst;
    this.#readBase = readBase;
  }

  /** The session begins here. */
  begin(base: Base): void {
    this.#base = base;
  }

  /** Frees the base, which is read again when it is needed. */
  rest(): void {
    this.#base = undefined;
  }

  async measure(due: readonly SchedulableMeasure[], state: Measured): Promise<ScheduledValues> {
    const wants = (measures: readonly SchedulableMeasure[]) =>
      due.some((measure) => measures.includes(measure));
    const all: Partial<Record<SchedulableMeasure, number | undefined>> = spectralValues(due, state.spectral);
    if (due.some(needsBase)) Object.assign(all, await this.#residuals(state));
    if (wants(ofLogits)) Object.assign(all, await this.#logits(wants(ofVoting), state));
    if (wants(ofDominant)) {
      const { trainLoss, testLoss } = await this.#losses("projectOnDominant", state);
      all.dominantOnlyTrainLoss = trainLoss;
      all.dominantOnlyTestLoss = testLoss;
    }
    if (wants(ofRemoved)) {
      const { trainLoss, testLoss } = await this.#losses("removeDominant", state);
      all.dominantRemovedTrainLoss = trainLoss;
      all.dominantRemovedTestLoss = testLoss;
    }
    const values: { [M in SchedulableMeasure]?: number } = {};
    for (const measure of due) {
      const value = all[measure];
      if (value !== undefined) values[measure] = value;
    }
    return values;
  }

  async #residuals({ theta, xi, problem, step, isStraight }: Measured) {
    const { modulus, activation } = problem;
    this.#base ??= await this.#readBase();
    if (this.#base === undefined) return {};
    const { step: from, ...base } = this.#base;
    const time = isStraight && activation === "x^2" ? flowTime(problem, from, step) : undefined;
    const operations = 4 * theta.length * modulus;
    return this.#analyst.run("weightResiduals", operations, base, { theta, xi }, modulus, time);
  }

  async #logits(isVoting: boolean, { theta, xi, problem: { modulus, width, activation } }: Measured) {
    const logits = await this.#evaluator.logits({ modulus, width, activation, theta, xi });
    const operations = logits.length * operationsAnExponential;
    return this.#analyst.run("logitMeasures", operations, logits, modulus, isVoting);
  }

  /** Of a copy with only the dominant frequency of each neuron, or without it. */
  async #losses(copy: "projectOnDominant" | "removeDominant", { theta, xi, problem }: Measured) {
    const { modulus, width, activation, labels, classes } = problem;
    const layers = await this.#analyst.run(copy, 2 * theta.length * modulus, theta, xi, modulus);
    const logits = await this.#evaluator.logits({ modulus, width, activation, ...layers });
    const operations = logits.length * operationsAnExponential;
    return this.#analyst.run("evaluateLogits", operations, logits, labels, classes, modulus);
  }
}
