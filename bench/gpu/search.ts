import type { Plan, Tuning } from "../../server/engine/webgpu/plan.ts";
import type { Shape } from "../engine-speed.ts";
import type { PassTimes } from "./card.ts";

/** What is tuned: so many networks of one shape side by side. */
export interface Subject extends Shape {
  readonly members: number;
}

/** What a search asks of a card. */
export interface Bench {
  planOf(tuning: Tuning): Plan;
  measure(tuning: Tuning): Promise<Pick<PassTimes, "pass" | "kernels" | "bits">>;
}

/** One way to cut up the kernels, measured. */
export interface Tried {
  readonly tuning: Tuning;
  /** Of all members together, by the card's clock alone; undefined: it did not run. */
  readonly stepsPerSecond?: number;
  /** Microseconds of each kernel but a loop, by its name. */
  readonly kernels: Readonly<Record<string, number>>;
  /** Why it did not run. */
  readonly failure?: string;
  /** Whether some steps left other bits than the first way did that adds in the same order. */
  readonly hasOtherBits: boolean;
  /** Whether it is measured a second time, since it is close to the best of its list. */
  readonly isAgain: boolean;
}

/** What is kept after a list. */
export interface Kept {
  readonly tuning: Tuning;
  /** Which were compared by their time, all together; undefined: the whole pass. */
  readonly kernels: readonly string[] | undefined;
  /** Of these; undefined: what is kept did not run either. */
  readonly microseconds: number | undefined;
  /** Whether none of the list's ways ran. */
  readonly hasFailed: boolean;
}

/** The end of a search: both measured one right after the other. */
export interface Outcome {
  readonly best: Tried;
  readonly default: Tried;
}

/** What a search tells as it goes on. */
export type Told = Subject & { readonly tried?: Tried; readonly kept?: Kept; readonly outcome?: Outcome };

/** A way is kept until another one is so much faster; those so close to the fastest are measured again. */
const [leastGain, closeBy] = [1.01, 1.02];

/** A way that ran, and the least microseconds that it was seen to take. */
interface Scored<T> {
  readonly tuning: T;
  readonly pass: number;
  readonly kernels: Readonly<Record<string, number>>;
}

/** Looks for the fastest way to cut up the kernels of one subject, list by list. */
export class Search<T extends Tuning> {
  readonly #subject: Subject;
  readonly #bench: Bench;
  /** Weights after some steps, by what decides their bits. */
  readonly #bits = new Map<string, Buffer>();
  readonly #start: T;
  #kept: Scored<T> | undefined;

  constructor(subject: Subject, bench: Bench, start: T) {
    this.#subject = subject;
    this.#bench = bench;
    this.#start = start;
  }

  /** The best way so far. */
  get tuning(): T {
    return this.#kept?.tuning ?? this.#start;
  }

  /**
   * Measures ways, each plan once and what is kept already not again, and keeps the fastest.
   *
   * @param kernels - those whose time alone the ways change; left out: the whole pass
   */
  async *choose(ways: readonly T[], kernels?: readonly string[]): AsyncGenerator<Told> {
    const timeOf = ({ pass, kernels: own }: Scored<T>) =>
      kernels?.reduce((sum, name) => sum + own[name], 0) ?? pass;
    let present = this.#kept;
    const unmeasured = this.#unmeasured(ways);
    let scores = present ? [present] : [];
    let ran = 0;
    for (const way of unmeasured) {
      const tried = await this.#measure(way);
      yield { ...this.#subject, tried };
      if (tried.failure === undefined) ran++;
      scores.push(...this.#scored(way, tried));
    }
    const least = Math.min(...scores.map(timeOf));
    const close = scores.filter((score) => timeOf(score) <= closeBy * least);
    for (const score of close.length > 1 ? close : []) {
      const tried = await this.#measure(score.tuning, true);
      yield { ...this.#subject, tried };
      const both = this.#scored(score.tuning, tried).map((again) => lesserOf(score, again));
      scores = scores.flatMap((other) => (other === score ? both : [other]));
      if (score === present) present = both[0];
    }
    const [best]: (Scored<T> | undefined)[] = scores.toSorted((a, b) => timeOf(a) - timeOf(b));
    const isKept = present && best && timeOf(present) < leastGain * timeOf(best);
    this.#kept = isKept ? present : best;
    const kept = {
      tuning: this.tuning,
      kernels,
      microseconds: this.#kept && timeOf(this.#kept),
      hasFailed: unmeasured.length > 0 && ran === 0,
    };
    yield { ...this.#subject, kept };
  }

  /** Measures what is kept beside what `planOf` chooses by itself. */
  async *end(): AsyncGenerator<Told> {
    const best = await this.#measure(this.tuning);
    yield { ...this.#subject, outcome: { best, default: await this.#measure({}) } };
  }

  #unmeasured(ways: readonly T[]): T[] {
    const planned = (way: T) => JSON.stringify(this.#bench.planOf(way));
    const known = new Set(this.#kept && [planned(this.#kept.tuning)]);
    return ways.filter((way) => {
      const { size } = known;
      return known.add(planned(way)).size > size;
    });
  }

  async #measure(tuning: Tuning, isAgain = false): Promise<Tried> {
    try {
      const { pass, kernels, bits } = await this.#bench.measure(tuning);
      return {
        tuning,
        stepsPerSecond: (1e6 * this.#subject.members) / pass,
        kernels: Object.fromEntries(kernels.map(({ name, busy }) => [name, busy])),
        hasOtherBits: !this.#areSame(tuning, bits),
        isAgain,
      };
    } catch (error) {
      const [failure] = (error as Error).message.split("\n");
      return { tuning, kernels: {}, failure, hasOtherBits: false, isAgain };
    }
  }

  #areSame(tuning: Tuning, bits: Buffer): boolean {
    const order = orderOf(this.#bench.planOf(tuning), this.#subject.members);
    const first = this.#bits.get(order);
    if (first === undefined) this.#bits.set(order, bits);
    return first?.equals(bits) ?? true;
  }

  /** None of what did not run, or left other bits. */
  #scored(tuning: T, { stepsPerSecond, kernels, hasOtherBits }: Tried): Scored<T>[] {
    if (stepsPerSecond === undefined || hasOtherBits) return [];
    return [{ tuning, pass: (1e6 * this.#subject.members) / stepsPerSecond, kernels }];
  }
}

function lesserOf<T>({ tuning, pass, kernels }: Scored<T>, again: Scored<T>): Scored<T> {
  const least = Object.entries(kernels).map(([name, time]) => [name, Math.min(time, again.kernels[name])]);
  return { tuning, pass: Math.min(pass, again.pass), kernels: Object.fromEntries(least) };
}

/** Of the tiled kernels every way adds in its own order, but for these constants. */
const ofNoOrder = new Set(["BUFFERS", "ROOM", "SLOPES_AT_ONCE", "SLOPES_IN_TURN"]);

/** What decides the bits; of the fused kernels only into how many parts the neurons are cut. */
function orderOf({ passes }: Plan, members: number): string {
  const { dispatches } = passes.findLast((pass) => pass.members <= members)!;
  const { PARTS } = dispatches[0].kernel.constants;
  if (PARTS !== undefined) return String(PARTS);
  const orders = dispatches.map(({ groups, kernel }) => [groups, kernel.constants]);
  return JSON.stringify(orders, (name, value) => (ofNoOrder.has(name) ? undefined : value));
}
