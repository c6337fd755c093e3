/** Steps a second, from steps that one hears of now and then. */
export class StepRate {
  readonly #windowMs: number;
  #heard: { readonly timeMs: number; readonly step: number }[] = [];

  /** @param windowMs - over which it is a mean: the longer the smoother, and the later it notices a change */
  constructor(windowMs = 3_000) {
    this.#windowMs = windowMs;
  }

  /** A step back, after a snapshot was restored, begins anew. */
  hear(step: number, timeMs: number): void {
    const last = this.#heard.at(-1);
    if (last !== undefined && step < last.step) this.#heard = [];
    this.#heard.push({ timeMs, step });
    // One from before the window stays, so that it is covered.
    while (this.#heard.length > 2 && this.#heard[1]!.timeMs <= timeMs - this.#windowMs) this.#heard.shift();
  }

  /** Undefined until it was heard of twice, with time between. */
  get perSecond(): number | undefined {
    const [first] = this.#heard;
    const last = this.#heard.at(-1);
    if (first === undefined || last === undefined || last.timeMs - first.timeMs < 200) return undefined;
    return (1_000 * (last.step - first.step)) / (last.timeMs - first.timeMs);
  }

  /** Training has stopped, or goes on after a stop. */
  reset(): void {
    this.#heard = [];
  }
}
