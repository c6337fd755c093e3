import { stateFrom } from "../../model/network-state.ts";
import type { Advance, Problem, TrainerState } from "../engine.ts";
import { Captured } from "./captured.ts";
import type { Pool, Slot } from "./pool.ts";
import { checkpoints } from "./pool-memory.ts";
import { countEntries, type EntryCounts, TraceColumns, type TraceRow, traceRow } from "./trace-row.ts";

/** A network resident on the device. At most one request at a time. */
export class Network {
  readonly problem: Problem;
  readonly pool: Pool;
  readonly slot: Slot;
  readonly counts: EntryCounts;
  /** Running means of the gradient begin with the update that leaves this step. */
  readonly averagesFrom: number | undefined;
  /** The same for networks that need the same scalars at the same steps. */
  readonly scalarsKey: string;
  step: number;
  /** Of the state at `step`; undefined until it was first evaluated. */
  current: TraceRow | undefined;

  constructor(problem: Problem, pool: Pool, slot: Slot, { step, averages }: TrainerState) {
    this.problem = problem;
    this.pool = pool;
    this.slot = slot;
    this.step = step;
    this.averagesFrom = averages === undefined ? step : undefined;
    this.counts = countEntries(problem);
    const { optimizer, schedule } = problem;
    this.scalarsKey = JSON.stringify([optimizer, schedule, optimizer.grokfast && this.averagesFrom]);
  }

  async read(): Promise<TrainerState> {
    const { averages, ...state } = stateFrom(this.step, await this.pool.read(this.slot));
    return averages === undefined || this.step === this.averagesFrom ? state : { ...state, averages };
  }
}

export interface Asked {
  /** 0 only evaluates the present state. */
  readonly steps: number;
  readonly weightsAt: readonly number[];
  readonly measureAt: readonly number[];
}

/** A state that is kept to go back to. */
interface Kept {
  readonly checkpoint: number;
  /** After how many updates of the request. */
  readonly updates: number;
}

/** Updates between two states that are kept, at least: a copy of many networks takes as long as a pass, and what it leaves in the cache is of no use. */
export const leastBetween = 256;

/** Part of a request in one submission. */
export interface Portion {
  readonly request: Request;
  /** Passes of the request submitted before. */
  readonly first: number;
  readonly passes: number;
  readonly updates: number;
  /** After how many updates of the request its captures here are. */
  readonly captures: readonly number[];
  /** Where its state at the beginning is kept, if it is. */
  readonly checkpoint: number | undefined;
}

/**
 * Steps of one network on their way through submissions: `steps` passes with an update and one without, which evaluates the last state.
 * Pass i evaluates the state after i updates; the first one's is known, unless the network is new.
 */
export class Request {
  readonly network: Network;
  readonly result: Promise<Advance>;
  readonly #settle: PromiseWithResolvers<Advance>;
  /** Passes in all, and those submitted. */
  #passes: number;
  #submitted = 0;
  /** Passes whose traces have come back. */
  #returned = 0;
  readonly #rows: TraceColumns;
  readonly #captured: Captured;
  /** As many as there are checkpoints, which take turns: one is as old as what comes back, and may have diverged. */
  #kept: readonly Kept[] = [];
  /** After a divergence: from where, and how many updates are to be repeated. */
  #repeat: { readonly checkpoint: number; readonly first: number; readonly updates: number } | undefined;
  #isRepeating = false;
  #isSettled = false;

  constructor(network: Network, asked: Asked) {
    this.network = network;
    this.#settle = Promise.withResolvers();
    this.result = this.#settle.promise;
    this.#passes = asked.steps + 1;
    this.#rows = new TraceColumns(network.counts, asked.steps);
    this.#captured = new Captured(network, asked);
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** Ends it after what was submitted. A new network is evaluated nevertheless. */
  stop(): void {
    if (this.#submitted === 0 && this.network.current !== undefined) this.#finish(false);
    else this.#passes = Math.min(this.#passes, this.#submitted + 1);
  }

  fail(error: unknown): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#settle.reject(error);
  }

  /** The next portion of at most `most` passes and `mostCaptures` captures; undefined when there is nothing to submit now. */
  next(most: number, mostCaptures: number): Portion | undefined {
    if (this.#isSettled) return undefined;
    if (this.#repeat !== undefined) return this.#nextRepetition(most);
    const first = this.#submitted;
    const room = Math.min(most, this.#passes - first);
    if (room <= 0) return undefined;
    // The last pass makes no update.
    const { captures, end } = this.#captured.due(Math.min(first + room, this.#passes - 1), mostCaptures);
    const passes = end === undefined ? room : end - first;
    this.#submitted += passes;
    const updates = this.#submitted === this.#passes ? passes - 1 : passes;
    return { request: this, first, passes, updates, captures, checkpoint: this.#keep(first) };
  }

  /** Where the state after so many updates is to be kept, unless a recent one is. */
  #keep(updates: number): number | undefined {
    const last = this.#kept.at(-1);
    if (last !== undefined && updates - last.updates < leastBetween) return undefined;
    const checkpoint = last === undefined ? 0 : (last.checkpoint + 1) % checkpoints;
    this.#kept = [...this.#kept.slice(1 - checkpoints), { checkpoint, updates }];
    return checkpoint;
  }

  /** What a portion brought back. */
  take(portion: Portion, traces: Float32Array, captures: readonly Float32Array[]): void {
    // What was submitted after a divergence, before that was known, says nothing.
    if (this.#isSettled || (this.#repeat !== undefined && !this.#isRepeating)) return;
    if (this.#isRepeating) {
      if (this.#repeat?.updates === 0) this.#finish(true);
      return;
    }
    let diverged: number | undefined;
    for (let i = 0; i < portion.passes && diverged === undefined; i++) {
      const state = portion.first + i;
      if (state === 0) this.network.current = traceRow(traces, i, this.network.counts);
      else if (!this.#rows.push(traces, i)) diverged = state;
    }
    for (const [i, at] of portion.captures.entries()) {
      if (diverged === undefined || at < diverged) this.#captured.take(at, captures[i]);
    }
    if (diverged !== undefined) {
      this.#goBack(diverged - 1);
      return;
    }
    this.#returned += portion.passes;
    if (this.#returned === this.#passes) this.#finish(false);
  }

  /** Where the state must be put back to before the repetition is submitted. */
  get goesBackTo(): number | undefined {
    return this.#repeat !== undefined && !this.#isRepeating ? this.#repeat.checkpoint : undefined;
  }

  /** The state was put back. */
  wentBack(): void {
    this.#isRepeating = true;
    if (this.#repeat!.updates === 0) this.#finish(true);
  }

  /** Back to the state after so many updates, the last with finite losses. */
  #goBack(updates: number): void {
    const { checkpoint, updates: first } = this.#kept.findLast((kept) => kept.updates <= updates)!;
    this.#repeat = { checkpoint, first, updates: updates - first };
  }

  #nextRepetition(most: number): Portion | undefined {
    if (!this.#isRepeating || this.#repeat!.updates === 0) return undefined;
    const { checkpoint, first, updates } = this.#repeat!;
    const passes = Math.min(most, updates);
    this.#repeat = { checkpoint, first: first + passes, updates: updates - passes };
    return { request: this, first, passes, updates: passes, captures: [], checkpoint: undefined };
  }

  #finish(diverged: boolean): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    const { network } = this;
    const steps = this.#rows.length;
    network.step += steps;
    if (steps > 0) network.current = this.#rows.row(steps - 1);
    this.#settle.resolve({ steps, diverged, trace: this.#rows.take(), ...this.#captured.upTo(steps) });
  }
}
