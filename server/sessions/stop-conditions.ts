import { isSchedulable } from "./measure-schedule.ts";
import type { Measure, ProgressPoint } from "./progress-log.ts";

export type StopCondition = Threshold | Plateau;

/** The comparison has held on `forRecorded` recorded steps in a row; those that don't carry a measure that a schedule can name are passed over. */
export interface Threshold {
  readonly kind: "threshold";
  readonly measure: Measure;
  readonly comparison: ">=" | "<=";
  readonly value: number;
  readonly forRecorded: number;
}

/**
 * Over the last `windowSteps` steps every loss moved (maximum minus minimum over recorded steps) by less than `lossDelta` and every
 * accuracy by less than `accuracyDelta`.
 */
export interface Plateau {
  readonly kind: "plateau";
  readonly windowSteps: number;
  /** Nats. */
  readonly lossDelta: number;
  readonly accuracyDelta: number;
}

const losses: readonly Measure[] = ["trainLoss", "testLoss"];
const accuracies: readonly Measure[] = [
  "trainAccuracy",
  "testAccuracy",
  "common",
  "rare",
  "partner",
  "heldOut",
];

/** Looks at the recorded steps of one run. */
export class StopWatch {
  readonly #conditions: readonly ((point: ProgressPoint) => string | undefined)[];

  constructor(conditions: readonly StopCondition[]) {
    this.#conditions = conditions.map((condition) =>
      condition.kind === "threshold" ? watchThreshold(condition) : watchPlateau(condition),
    );
  }

  /** What holds now, for people, or undefined. Every recorded step of the run must be shown, in order. */
  observe(point: ProgressPoint): string | undefined {
    // All of them are shown every point, so that none loses count when another holds.
    return this.#conditions.map((condition) => condition(point)).find((detail) => detail !== undefined);
  }
}

function watchThreshold(condition: Threshold) {
  let held = 0;
  return (point: ProgressPoint): string | undefined => {
    if (isPassedOver(condition, point)) return undefined;
    held = holdsAt(condition, point) ? held + 1 : 0;
    return held < condition.forRecorded ? undefined : conditionDetail(condition);
  };
}

/** Whether the comparison holds at this one step. */
export function holdsAt({ measure, comparison, value }: Threshold, point: ProgressPoint): boolean {
  const measured = point[measure];
  return measured !== undefined && (comparison === ">=" ? measured >= value : measured <= value);
}

/** Its measure is one that this step was not to carry, or can't have. */
export function isPassedOver({ measure }: Threshold, point: ProgressPoint): boolean {
  return isSchedulable(measure) && point[measure] === undefined;
}

/** For people: what has held. */
export function conditionDetail({ measure, comparison, value, forRecorded }: Threshold): string {
  const steps = forRecorded === 1 ? "a recorded step" : `${forRecorded} recorded steps`;
  return `${apiName(measure)} ${comparison} ${value} for ${steps}`;
}

function watchPlateau({ windowSteps, lossDelta, accuracyDelta }: Plateau) {
  const ranges = [
    ...losses.map((measure) => ({ range: new WindowRange(measure), delta: lossDelta })),
    ...accuracies.map((measure) => ({ range: new WindowRange(measure), delta: accuracyDelta })),
  ];
  let first: number | undefined;
  return (point: ProgressPoint): string | undefined => {
    first ??= point.step;
    const begin = point.step - windowSteps;
    const still =
      ranges.filter(({ range, delta }) => range.add(point, begin) < delta).length === ranges.length;
    if (first > begin || !still) return undefined;
    return `plateau: for ${windowSteps} steps losses moved less than ${lossDelta} and accuracies less than ${accuracyDelta}`;
  };
}

/** Maximum minus minimum of a measure over a moving window, in constant time a point on average: two monotonic queues. */
class WindowRange {
  readonly #measure: Measure;
  readonly #largest = new MonotonicQueue((a, b) => a >= b);
  readonly #smallest = new MonotonicQueue((a, b) => a <= b);

  constructor(measure: Measure) {
    this.#measure = measure;
  }

  /** Takes in a point; the range over the points from the last one at or before `begin` on, 0 without any. */
  add(point: ProgressPoint, begin: number): number {
    const value = point[this.#measure];
    if (value === undefined) return 0;
    return this.#largest.add(point.step, value, begin) - this.#smallest.add(point.step, value, begin);
  }
}

/** The extreme of a moving window: values that a later one outdoes are forgotten at once. */
class MonotonicQueue {
  readonly #outdoes: (a: number, b: number) => boolean;
  #queue: { readonly step: number; readonly value: number }[] = [];
  /** Steps of the window. */
  #steps: number[] = [];

  constructor(outdoes: (a: number, b: number) => boolean) {
    this.#outdoes = outdoes;
  }

  add(step: number, value: number, begin: number): number {
    while (this.#queue.length > 0 && this.#outdoes(value, this.#queue.at(-1)!.value)) this.#queue.pop();
    this.#queue.push({ step, value });
    // The window begins with the last point at or before `begin`, so that it spans all of it.
    this.#steps.push(step);
    let gone = 0;
    while (gone + 1 < this.#steps.length && this.#steps[gone + 1]! <= begin) gone += 1;
    if (gone > 0) this.#steps.splice(0, gone);
    const oldest = this.#steps[0]!;
    let old = 0;
    while (this.#queue[old]!.step < oldest) old += 1;
    if (old > 0) this.#queue.splice(0, old);
    return this.#queue[0]!.value;
  }
}

/** A measure as the API calls it, `test_accuracy`: its users read the detail, whatever their language. */
function apiName(measure: Measure): string {
  return measure.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

const classes: readonly Measure[] = ["common", "rare", "partner", "heldOut"];

/** A measure as a request names it, `MEASURE_TEST_ACCURACY`: for who has to correct one. */
export function enumName(measure: Measure): string {
  const whole = classes.includes(measure) ? `${apiName(measure)}_accuracy` : apiName(measure);
  return `MEASURE_${whole.toUpperCase()}`;
}
