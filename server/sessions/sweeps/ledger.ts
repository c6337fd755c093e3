import type { LoadedSweep } from "../../store/store.ts";
import type { Outcome } from "./summary.ts";

const codes: readonly (Outcome | undefined)[] = [
  undefined,
  "target",
  "condition",
  "diverged",
  "failed",
  "invalid",
];

export type OutcomeCounts = Readonly<Record<Outcome, number>>;

/** Which runs of a sweep have finished, in a byte a run: their summaries are in the store. */
export class Ledger {
  readonly #outcomes: Uint8Array;
  readonly #counts: Record<Outcome, number> = { target: 0, condition: 0, diverged: 0, failed: 0, invalid: 0 };
  #done = 0;
  #newest = 0;
  #steps = 0;
  /** No run before it is open. */
  #first = 0;

  constructor(runs: number, stored?: Omit<LoadedSweep, "row">) {
    this.#outcomes = new Uint8Array(runs);
    for (const [i, run] of (stored?.runs ?? []).entries()) {
      if (run >= runs) continue;
      this.finish(run, stored!.outcomes[i] as Outcome, stored!.steps[i]!);
      this.#newest = Math.max(this.#newest, stored!.sequences[i]!);
    }
  }

  get runs(): number {
    return this.#outcomes.length;
  }

  get done(): number {
    return this.#done;
  }

  get isComplete(): boolean {
    return this.#done === this.runs;
  }

  get counts(): OutcomeCounts {
    return this.#counts;
  }

  /** Sequence of the run that finished last; 0 when none has. */
  get newest(): number {
    return this.#newest;
  }

  /** Updates that finished runs made, all of them together. */
  get steps(): number {
    return this.#steps;
  }

  has(run: number): boolean {
    return this.#outcomes[run] !== 0;
  }

  /** A sequence for the next run that finishes; one that is not used after all leaves a hole. */
  nextSequence(): number {
    this.#newest += 1;
    return this.#newest;
  }

  finish(run: number, outcome: Outcome, steps: number): void {
    this.#outcomes[run] = Math.max(1, codes.indexOf(outcome));
    this.#counts[outcome] += 1;
    this.#done += 1;
    this.#steps += steps;
  }

  /** The first run that is neither finished nor taken; undefined when there is none. */
  open(isTaken: (run: number) => boolean): number | undefined {
    while (this.#first < this.runs && this.has(this.#first)) this.#first += 1;
    for (let run = this.#first; run < this.runs; run++) if (!this.has(run) && !isTaken(run)) return run;
    return undefined;
  }
}
