import { cancelled } from "./errors.ts";
import { type Observer, unobserved } from "./observer.ts";

/** How long a slice of training may take while somebody waits for a turn. */
const sliceMs = 10;

/** How long a background slice should take at least while there is interactive work. */
const shortSliceMs = 1;

/** For how long after a turn there is said to be interactive work. */
const recentMs = 50;

/** How long the device waits idle for the next call of somebody who was just answered; a part of interactive work's share. */
const graceMs = 2;

/** How long one may take while nobody does. It is cut short when somebody comes, or its own call is cancelled. */
export const longestSliceMs = 100;

/** How far interactive work may get ahead of background work while both wait: the bound of its share is one half. */
const burstMs = 20;

/** Why a slice was cut short. Given, since an abort without a reason makes an exception with a stack, which costs more than the turn. */
const preempted = "somebody else's turn";

export type Urgency = "interactive" | "background";

interface Turn {
  readonly urgency: Urgency;
  readonly start: () => Promise<void>;
}

interface Running {
  readonly urgency: Urgency;
  readonly began: number;
  readonly preempt: AbortController;
  /** Ends the slice after its share, once somebody waits. */
  timer: NodeJS.Timeout | undefined;
}

/**
 * Hands out the device, one slice at a time. Turns of equal urgency go in order of asking, and a session asks for its next turn only
 * after the last one ended, so sessions alternate, every 10 ms; while nobody else waits a slice is longer. Interactive turns go ahead,
 * and cut a background slice short, as long as they have not had more than their half of the time. While they come one after the other
 * background slices are short from the start, and wait a little for whoever was just answered (anticipatory scheduling; Iyer and
 * Druschel, SOSP 2001).
 */
export class Scheduler {
  readonly #engine: string;
  readonly #observer: Observer;
  readonly #waiting: Record<Urgency, Turn[]> = { interactive: [], background: [] };
  #running: Running | undefined;
  /** When the last interactive turn ended, by `performance.now()`. */
  #interactiveMs = Number.NEGATIVE_INFINITY;
  /** The device waits for somebody who was just answered. */
  #grace: { readonly began: number; readonly timer: NodeJS.Timeout } | undefined;
  /** Milliseconds by which interactive work is ahead of background work while both waited. */
  #interactiveLead = 0;

  /** @param engine - whose device it is, for the observer */
  constructor(engine = "", observer: Observer = unobserved) {
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
   * cores that somebody would need to tell it to.
   */
  turn<T>(
    urgency: Urgency,
    signal: AbortSignal,
    slice: (signal: AbortSignal, mostMs: number) => Promise<T>,
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const asked = performance.now();
    const turn: Turn = {
      urgency,
      start: async () => {
        signal.removeEventListener("abort", giveUp);
        const preempt = new AbortController();
        const forward = () => preempt.abort(signal.reason);
        signal.addEventListener("abort", forward);
        const began = performance.now();
        this.#running = { urgency, began, preempt, timer: undefined };
        this.#limitRunning();
        try {
          resolve(await slice(preempt.signal, this.#mostMs(urgency, began)));
        } catch (error) {
          reject(error);
        } finally {
          signal.removeEventListener("abort", forward);
          const ended = performance.now();
          const elapsedMs = ended - began;
          if (urgency === "interactive") this.#interactiveMs = ended;
          this.#account(urgency, elapsedMs);
          this.#observer.turn(this.#engine, urgency, (began - asked) / 1000, elapsedMs / 1000);
          clearTimeout(this.#running?.timer);
          this.#running = undefined;
          this.#after(urgency);
        }
      },
    };
    const giveUp = () => {
      const queue = this.#waiting[urgency];
      queue.splice(queue.indexOf(turn), 1);
      reject(cancelled(signal));
    };
    if (signal.aborted) return Promise.reject(cancelled(signal));
    signal.addEventListener("abort", giveUp, { once: true });
    this.#waiting[urgency].push(turn);
    if (this.#running !== undefined) this.#limitRunning();
    else if (urgency === "interactive" || this.#grace === undefined) this.#next();
    return promise;
  }

  /** Gives the running slice an end when somebody waits: at once for somebody more urgent, else after its share. */
  #limitRunning(): void {
    const running = this.#running!;
    const { interactive, background } = this.#waiting;
    const overtakes = interactive.length > 0 && running.urgency === "background";
    if (overtakes && this.#interactiveFirst()) {
      running.preempt.abort(preempted);
    } else if (interactive.length + background.length > 0) {
      const left = (overtakes ? this.#shortMs : sliceMs) - (performance.now() - running.began);
      clearTimeout(running.timer);
      running.timer = setTimeout(() => running.preempt.abort(preempted), Math.max(0, left));
    }
  }

  #interactiveFirst(): boolean {
    return this.#interactiveLead < burstMs;
  }

  /** A short slice is as long as it takes to give background work its share back. */
  get #shortMs(): number {
    return Math.max(shortSliceMs, this.#interactiveLead - burstMs);
  }

  #mostMs(urgency: Urgency, now: number): number {
    const isShort = urgency === "background" && now - this.#interactiveMs < recentMs;
    return isShort ? this.#shortMs : longestSliceMs;
  }

  #account(urgency: Urgency, elapsedMs: number): void {
    if (urgency === "background") this.#interactiveLead = Math.max(0, this.#interactiveLead - elapsedMs);
    else if (this.#waiting.background.length > 0) this.#interactiveLead += elapsedMs;
  }

  /**
   * After an interactive turn the device waits for its caller, who may have the next one to ask: background work would take the cores
   * from the event loop and from the caller, and would have to be cut short at once.
   */
  #after(urgency: Urgency): void {
    const { interactive, background } = this.#waiting;
    const mayComeBack = urgency === "interactive" && interactive.length === 0 && this.#interactiveFirst();
    if (!mayComeBack || background.length === 0) this.#next();
    else this.#grace = { began: performance.now(), timer: setTimeout(() => this.#next(), graceMs) };
  }

  #next(): void {
    if (this.#grace !== undefined) {
      clearTimeout(this.#grace.timer);
      this.#account("interactive", performance.now() - this.#grace.began);
      this.#grace = undefined;
    }
    const { interactive, background } = this.#waiting;
    const first = this.#interactiveFirst() ? [interactive, background] : [background, interactive];
    const turn = first[0]!.shift() ?? first[1]!.shift();
    if (turn !== undefined) void turn.start();
  }
}
