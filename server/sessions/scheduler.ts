import { cancelled } from "./errors.ts";
import { type Observer, unobserved } from "./observer.ts";

/** How long a slice of training may take on the whole device while somebody waits for a turn. */
const sliceMs = 10;

/** How long a background slice should take at least while there is interactive work. */
const shortSliceMs = 1;

/** For how long after a turn there is said to be interactive work. */
const recentMs = 50;

/** How long one may take while nobody does. It is cut short when somebody comes, or its own call is cancelled. */
export const longestSliceMs = 100;

/** How far interactive work may get ahead of background work while both wait: the bound of its share is one half. */
const burstMs = 20;

/** For how long after its turn a session is expected back, and those beside it keep to their parts of the device. */
const comeBackMs = 5;

/** Why a slice was cut short. Given, since an abort without a reason makes an exception with a stack, which costs more than the turn. */
const preempted = "somebody else's turn";

export type Urgency = "interactive" | "background";

/** As much of the device as `sliceMs` of all of it, for a turn that has one part of so many. */
const shareMs = (parts: number) => Math.min(longestSliceMs, sliceMs * parts);

interface Turn {
  readonly urgency: Urgency;
  /** Who may have a part of the device beside others; undefined: it needs all of it. */
  readonly sharer: object | undefined;
  readonly start: (parts: number) => Promise<void>;
}

interface Running {
  readonly urgency: Urgency;
  readonly parts: number;
  readonly began: number;
  readonly preempt: AbortController;
  /** Ends the slice after its share, once somebody waits. */
  timer: NodeJS.Timeout | undefined;
}

/**
 * Hands out the device, a slice at a time. Turns of equal urgency go in order of asking, and a session asks for its next turn only
 * after the last one ended, so sessions alternate, every 10 ms; while nobody else waits a slice is longer. Interactive turns go ahead,
 * and cut a background slice short, as long as they have not had more than their half of the time. While they come one after the other
 * background slices are short from the start, and begin after whoever is due one was answered.
 *
 * A turn has the whole device, or, when others are there whose turns can do with a part of it as well, one part: then they are a cohort.
 * As many of them run side by side as the device has parts, and when one ends the next who waits takes its place, so that none waits for
 * another's end (the continuous batching of Orca; Yu et al., OSDI 2022). In all else a turn of a cohort is like any other: its place in
 * the order, its signal and its error are its own, and its share is as much of the device, for longer. Interactive work cuts all of a
 * cohort short, and as long as there is some background turns go one by one, on the whole device: who comes next is to find one slice
 * to cut short, and that with a short step.
 */
export class Scheduler {
  readonly #engine: string;
  readonly #observer: Observer;
  readonly #waiting: Record<Urgency, Turn[]> = { interactive: [], background: [] };
  readonly #parts: number;
  readonly #running = new Set<Running>();
  /** Everybody who may be of a cohort, until when: for ever while a turn of theirs waits or runs. */
  readonly #sharers = new Map<object, number>();
  /** When the last interactive turn ended, by `performance.now()`. */
  #interactiveMs = Number.NEGATIVE_INFINITY;
  /** Milliseconds by which interactive work is ahead of background work while both waited. */
  #interactiveLead = 0;

  /**
   * @param engine - whose device it is, for the observer
   * @param parts - into how many it can be divided: trainers that it advances side by side at full speed
   */
  constructor(engine = "", observer: Observer = unobserved, parts = 1) {
    this.#parts = parts;
    this.#engine = engine;
    this.#observer = observer;
  }

  /** Turns that wait, by urgency. */
  get depth(): Readonly<Record<Urgency, number>> {
    return { interactive: this.#waiting.interactive.length, background: this.#waiting.background.length };
  }

  /**
   * Runs `slice` when its turn comes. The signal that it gets aborts when `signal` does, or when somebody more urgent waits: then
   * it should end early, having kept what it did. It should not plan to take longer than `mostMs`: one that ends by itself lets go of the
   * cores that somebody would need to tell it to. It has one part in `parts` of the device, and must leave the others alone.
   *
   * @param sharer - who asks, when a part of the device will do; they have one turn at a time
   */
  turn<T>(
    urgency: Urgency,
    signal: AbortSignal,
    slice: (signal: AbortSignal, mostMs: number, parts: number) => Promise<T>,
    sharer?: object,
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const asked = performance.now();
    const turn: Turn = {
      urgency,
      sharer,
      start: async (parts) => {
        signal.removeEventListener("abort", giveUp);
        const preempt = new AbortController();
        const forward = () => preempt.abort(signal.reason);
        signal.addEventListener("abort", forward);
        const began = performance.now();
        const running: Running = { urgency, parts, began, preempt, timer: undefined };
        this.#running.add(running);
        this.#limitRunning();
        try {
          resolve(await slice(preempt.signal, this.#mostMs(urgency, began, parts), parts));
        } catch (error) {
          reject(error);
        } finally {
          signal.removeEventListener("abort", forward);
          const ended = performance.now();
          const elapsedMs = ended - began;
          if (urgency === "interactive") this.#interactiveMs = ended;
          this.#account(urgency, elapsedMs / parts);
          this.#observer.turn(this.#engine, urgency, (began - asked) / 1000, elapsedMs / 1000);
          clearTimeout(running.timer);
          this.#running.delete(running);
          this.#left(sharer, ended);
          this.#after(urgency);
        }
      },
    };
    const giveUp = () => {
      const queue = this.#waiting[urgency];
      queue.splice(queue.indexOf(turn), 1);
      this.#left(sharer, performance.now());
      reject(cancelled(signal));
    };
    if (signal.aborted) return Promise.reject(cancelled(signal));
    signal.addEventListener("abort", giveUp, { once: true });
    this.#waiting[urgency].push(turn);
    if (sharer !== undefined) this.#sharers.set(sharer, Number.POSITIVE_INFINITY);
    this.#next();
    this.#limitRunning();
    return promise;
  }

  /** Gives the running slices an end when somebody waits: at once for somebody more urgent, else after their share. */
  #limitRunning(): void {
    const { interactive, background } = this.#waiting;
    if (interactive.length + background.length === 0) return;
    for (const running of this.#running) {
      const overtakes = interactive.length > 0 && running.urgency === "background";
      if (overtakes && this.#interactiveFirst()) {
        running.preempt.abort(preempted);
      } else {
        const most = overtakes ? this.#shortMs : shareMs(running.parts);
        const left = most - (performance.now() - running.began);
        clearTimeout(running.timer);
        running.timer = setTimeout(() => running.preempt.abort(preempted), Math.max(0, left));
      }
    }
  }

  /** Somebody's turn is over, or given up. */
  #left(sharer: object | undefined, now: number): void {
    if (sharer !== undefined) this.#sharers.set(sharer, now + comeBackMs);
  }

  /** Of how many parts a turn that starts now gets one: 1 when it has the device to itself, else as many as its cohort has members. */
  #cohort({ urgency, sharer }: Turn, now: number): number {
    for (const [other, until] of this.#sharers) if (until < now) this.#sharers.delete(other);
    const shares = urgency === "background" && sharer !== undefined && !this.#isInteractive(now);
    return shares ? Math.min(this.#parts, this.#sharers.size) : 1;
  }

  /** There is a part of that size that nobody has. A turn that has a larger one, from when there were fewer, must end first. */
  #fits(parts: number): boolean {
    let taken = 0;
    for (const running of this.#running) taken += 1 / running.parts;
    return taken + 1 / parts < 1 + 1e-9;
  }

  #interactiveFirst(): boolean {
    return this.#interactiveLead < burstMs;
  }

  /** A short slice is as long as it takes to give background work its share back. */
  get #shortMs(): number {
    return Math.max(shortSliceMs, this.#interactiveLead - burstMs);
  }

  #mostMs(urgency: Urgency, now: number, parts: number): number {
    if (urgency === "background" && this.#isInteractive(now)) return this.#shortMs;
    // In a cohort no thread ever waits for another and so lets go of its core.
    return parts > 1 ? shareMs(parts) : longestSliceMs;
  }

  /** There is interactive work, or was a moment ago. */
  #isInteractive(now: number): boolean {
    return now - this.#interactiveMs < recentMs;
  }

  #account(urgency: Urgency, elapsedMs: number): void {
    if (urgency === "background") this.#interactiveLead = Math.max(0, this.#interactiveLead - elapsedMs);
    else if (this.#waiting.background.length > 0) this.#interactiveLead += elapsedMs;
  }

  /**
   * After an interactive turn its answer goes out before background work is begun, which takes the event loop longer than the answer.
   */
  #after(urgency: Urgency): void {
    if (urgency === "interactive" && this.#waiting.interactive.length === 0) setImmediate(() => this.#next());
    else this.#next();
  }

  /** Starts the turns that are next, as far as the device has room for them. */
  #next(): void {
    const { interactive, background } = this.#waiting;
    const first = this.#interactiveFirst() ? [interactive, background] : [background, interactive];
    for (;;) {
      const queue = first.find((turns) => turns.length > 0);
      if (queue === undefined) return;
      const parts = this.#cohort(queue[0]!, performance.now());
      if (!this.#fits(parts)) return;
      void queue.shift()!.start(parts);
    }
  }
}
