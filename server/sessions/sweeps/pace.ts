/** Over how long the speed is taken. */
const windowMs = 60_000;
const sampleMs = 250;

/** How fast a sweep makes updates, from looks at it now and then. */
export class Pace {
  #samples: { readonly ms: number; readonly steps: number }[] = [];

  /** From here on, as after a pause. */
  restart(steps: number): void {
    this.#samples = [{ ms: performance.now(), steps }];
  }

  /** @param steps - updates made so far by all runs */
  look(steps: number): void {
    const ms = performance.now();
    const last = this.#samples.at(-1);
    if (last !== undefined && ms - last.ms < sampleMs) return;
    this.#samples.push({ ms, steps });
    while (this.#samples.length > 2 && this.#samples[1]!.ms < ms - windowMs) this.#samples.shift();
  }

  /** Updates a second; 0 as long as nothing is known. */
  get stepsPerSecond(): number {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.ms === first.ms) return 0;
    return Math.max(0, ((last.steps - first.steps) * 1_000) / (last.ms - first.ms));
  }
}
