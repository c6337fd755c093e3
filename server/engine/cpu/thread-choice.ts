/** Milliseconds that a trial takes, and of training between two trials: soon after a change, and later. */
const [trialMs, soonMs, lateMs] = [10, 100, 3_000];

/** What a trial's time a step must be of the present one to be better, and what the present one may grow to before that is a change. */
const [better, change] = [0.9, 1.5];

/** How a piece of an advance went. */
export interface PieceTime {
  /** That worked on it. */
  readonly threads: number;
  /** Made. */
  readonly steps: number;
  readonly milliseconds: number;
}

/** Steps, and how long they took together. */
interface Pace {
  steps: number;
  milliseconds: number;
}

/**
 * How many threads a trainer has when it has them for itself. They meet twice a step: where another program has one of the processors, all wait
 * for the thread that has none, and fewer are faster. That changes with what else runs, so other numbers of them are tried now and then: all that
 * are useful, half of them, and so on down to one; often where something has just changed, and so seldom else that it costs less than a hundredth.
 */
export class ThreadChoice {
  #most = Number.POSITIVE_INFINITY;
  #trial: number | undefined;
  /** As many as have ever worked on a piece: more would be of no use to this network. */
  #useful = 0;
  /** How often the number that was tried last is a half of the useful ones. */
  #halvings = 0;
  #waitMs = soonMs;
  #present: Pace = { steps: 0, milliseconds: 0 };
  #tried: Pace = { steps: 0, milliseconds: 0 };
  /** Milliseconds a step when it was last decided. */
  #decidedMs = Number.POSITIVE_INFINITY;

  /** Threads for the next piece, at most. */
  get threads(): number {
    return this.#trial ?? this.#most;
  }

  /** Steps of the next piece, at most. */
  get steps(): number {
    if (this.#trial === undefined) return Number.POSITIVE_INFINITY;
    const slower = Math.max(1, Math.min(this.#most, this.#useful) / this.#trial);
    return Math.max(1, Math.round(trialMs / (slower * msAStep(this.#present))));
  }

  /** Takes in how the piece went that was made so. */
  learn({ threads, steps, milliseconds }: PieceTime): void {
    if (threads > this.#useful) {
      this.#useful = threads;
      this.#present = { steps: 0, milliseconds: 0 };
    }
    // Others had the rest, or it was stopped before it began: that says nothing.
    if (steps === 0 || threads < Math.min(this.threads, this.#useful)) return;
    const pace = this.#trial === undefined ? this.#present : this.#tried;
    pace.steps += steps;
    pace.milliseconds += milliseconds;
    if (this.#trial !== undefined) {
      if (pace.milliseconds >= trialMs / 2) this.#decide(this.#trial);
    } else if (this.#waitMs > soonMs && milliseconds / steps > change * this.#decidedMs) {
      this.#waitMs = soonMs;
      this.#present = { steps: 0, milliseconds: 0 };
    } else if (this.#present.milliseconds >= this.#waitMs) this.#trial = this.#nextTrial(threads);
  }

  /** Another number than the present one, each in its turn; undefined when there is none. */
  #nextTrial(present: number): number | undefined {
    const all: number[] = [];
    for (let threads = this.#useful; threads > 0; threads = Math.floor(threads / 2)) all.push(threads);
    for (let i = 0; i < all.length; i++) {
      this.#halvings = (this.#halvings + 1) % all.length;
      if (all[this.#halvings] !== present) return all[this.#halvings];
    }
    return undefined;
  }

  #decide(trial: number): void {
    const isBetter = msAStep(this.#tried) < better * msAStep(this.#present);
    if (isBetter) this.#most = trial >= this.#useful ? Number.POSITIVE_INFINITY : trial;
    this.#waitMs = isBetter ? soonMs : Math.min(2 * this.#waitMs, lateMs);
    this.#decidedMs = msAStep(isBetter ? this.#tried : this.#present);
    this.#trial = undefined;
    this.#present = { steps: 0, milliseconds: 0 };
    this.#tried = { steps: 0, milliseconds: 0 };
  }
}

function msAStep({ steps, milliseconds }: Pace): number {
  return milliseconds / steps;
}
