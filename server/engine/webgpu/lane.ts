import type { Portion, Request } from "./network.ts";
import type { Part, Pool, Submitted } from "./pool.ts";
import { checkpoints } from "./pool-memory.ts";
import { writeScalars } from "./scalars.ts";
import { evenly } from "./shader.ts";
import { traceValues } from "./trace-row.ts";

/**
 * How long a submission should keep the device busy: long beside what it costs, short for whoever wants to stop it. Longer where it would have but
 * few passes, whose traces few workgroups then sum up.
 */
const [submissionMs, longestMs, fewPasses] = [8, 16, 16];

/** One is computed, the next one waits for it, and one is encoded; of all, and of the one before, a divergence may go back to the start. */
const mostInFlight = checkpoints - 1;

interface InFlight {
  readonly portions: readonly Portion[];
  readonly submitted: Promise<Submitted>;
}

/** Keeps the networks of one pool going: whoever has steps to make takes part in the next submission. */
export class Lane {
  readonly #pool: Pool;
  readonly #broken: (error: unknown) => Promise<void>;
  readonly #requests = new Set<Request>();
  #running: Promise<void> | undefined;
  /** Milliseconds that a pass of so many members took lately. */
  #pace: { readonly members: number; readonly passMs: number } | undefined;

  /** @param broken - is told why a submission failed: what the pool holds is then unknown. Must fail this lane */
  constructor(pool: Pool, broken: (error: unknown) => Promise<void>) {
    this.#pool = pool;
    this.#broken = broken;
  }

  add(request: Request): void {
    this.#requests.add(request);
    // In a moment: others may come with it.
    this.#running ??= Promise.resolve().then(() => this.#run());
  }

  /** Fails all that is under way. */
  fail(error: unknown): void {
    for (const request of this.#requests) request.fail(error);
    this.#requests.clear();
  }

  /** Resolves once nothing is in flight. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    const inFlight: InFlight[] = [];
    let last = performance.now();
    try {
      for (;;) {
        while (inFlight.length < mostInFlight) {
          const next = this.#submitNext();
          if (next === undefined) break;
          inFlight.push(next);
        }
        const oldest = inFlight.shift();
        if (oldest === undefined) {
          if (this.#requests.size > 0) throw new Error("steps are asked for that nobody submits");
          break;
        }
        const { traces, passes, captures } = await oldest.submitted;
        const now = performance.now();
        // Two that are seen to have ended at once say nothing of the second one's time.
        const passMs = Math.max((now - last) / passes, (this.#pace?.passMs ?? 0) / 2);
        this.#pace = { members: oldest.portions.length, passMs };
        last = now;
        for (const [i, portion] of oldest.portions.entries()) {
          portion.request.take(portion, traces.subarray(i * passes * traceValues), captures[i]);
        }
      }
    } catch (error) {
      await Promise.allSettled([this.#broken(error), ...inFlight.map(({ submitted }) => submitted)]);
    } finally {
      this.#running = undefined;
    }
  }

  #submitNext(): InFlight | undefined {
    for (const request of this.#requests) {
      const checkpoint = request.goesBackTo;
      if (checkpoint !== undefined) {
        this.#pool.restore([request.network.slot], checkpoint);
        request.wentBack();
      }
      if (request.isSettled) this.#requests.delete(request);
    }
    if (this.#requests.size === 0) return undefined;
    const members = evenly(this.#requests.size, this.#pool.plan.sideBySide);
    const most = this.#mostPasses(members);
    const mostCaptures = Math.max(1, Math.floor(this.#pool.mostCaptures / members));
    const portions: Portion[] = [];
    for (const request of this.#requests) {
      if (portions.length === members) break;
      const portion = request.next(most, mostCaptures);
      if (portion !== undefined) portions.push(portion);
    }
    if (portions.length === 0) return undefined;
    // The others come first next time.
    for (const { request } of portions) {
      this.#requests.delete(request);
      this.#requests.add(request);
    }
    const submitted = this.#pool.submit(partsOf(portions));
    // It may fail before it is waited for.
    submitted.catch(() => {});
    return { portions, submitted };
  }

  #mostPasses(members: number): number {
    const room = Math.floor(this.#pool.mostPasses / members);
    if (this.#pace === undefined) return Math.min(room, 8);
    // As if time grew with the members: a little too few passes at worst.
    const passMs = this.#pace.passMs * Math.max(1, members / this.#pace.members);
    const few = Math.min(fewPasses, longestMs / passMs);
    return Math.max(1, Math.min(room, Math.floor(Math.max(submissionMs / passMs, few))));
  }
}

function partsOf(portions: readonly Portion[]): Part[] {
  // Networks that are trained alike, at the same steps, need the same.
  const shared = new Map<string, Float32Array>();
  return portions.map((portion) => {
    const { request, first, passes, updates, captures, checkpoint } = portion;
    const { network } = request;
    const key = `${network.scalarsKey} ${network.step + first} ${passes} ${updates}`;
    let scalars = shared.get(key);
    if (scalars === undefined) {
      scalars = scalarsOf(portion);
      shared.set(key, scalars);
    }
    return {
      slot: network.slot.index,
      inverseTrained: 1 / Math.max(1, network.counts.train),
      passes,
      updates,
      scalars,
      captures: captures.map((at) => at - first),
      checkpoint,
    };
  });
}

function scalarsOf({ request: { network }, first, passes, updates }: Portion): Float32Array {
  const { problem, averagesFrom, pool } = network;
  const { scalarsAStep } = pool.plan;
  const scalars = new Float32Array(passes * scalarsAStep);
  for (let i = 0; i < updates; i++) {
    writeScalars(problem, network.step + first + i, averagesFrom, scalars, i * scalarsAStep);
  }
  return scalars;
}
