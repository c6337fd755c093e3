/** From here on a network counts as having grokked. */
export const grokkedAccuracy = 0.99;

/**
 * The first recorded step from which test accuracy stays at 0.99 or more up to the last recorded one: grokking by what was recorded.
 * Taken one state after the other.
 */
export class GrokkingStep {
  #since: number | undefined;

  /** @param testAccuracy - share of test pairs answered right; undefined without a test set */
  observe(step: number, testAccuracy: number | undefined): void {
    if (testAccuracy === undefined || testAccuracy < grokkedAccuracy) this.#since = undefined;
    else this.#since ??= step;
  }

  /** undefined as long as it has not grokked. */
  get step(): number | undefined {
    return this.#since;
  }
}
