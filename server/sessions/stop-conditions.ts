import type { Measure, ProgressPoint } from "./progress-log.ts";

export type StopCondition = Threshold | Plateau;

/** The comparison has held on `forRecorded` recorded steps in a row. */
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

function watchThreshold({ measure, comparison, value, forRecorded }: Threshold) {
  let held = 0;
  return (point: ProgressPoint): string | undefined => {
    const measured = point[measure];
    const holds = measured !== undefined && (comparison === ">=" ? measured >= value : measured <= value);
    held = holds ? held + 1 : 0;
    if (held < forRecorded) return undefined;
    const steps = forRecorded === 1 ? "a recorded step" : `${forRecorded} recorded steps`;
    return `${apiName(measure)} ${comparison} ${value} for ${steps}`;
  };
}

function watchPlateau({ windowSteps, lossDelta, accuracyDelta }: Plateau) {
  let window: ProgressPoint[] = [];
  const moved = (measure: Measure) => {
    const values = window.map((point) => point[measure]).filter((value) => value !== undefined);
    return values.length === 0 ? 0 : Math.max(...values) - Math.min(...values);
  };
  return (point: ProgressPoint): string | undefined => {
    window.push(point);
    // The window keeps one point at or before its beginning, so that it spans all of windowSteps.
    const begin = point.step - windowSteps;
    const first = window.findLastIndex(({ step }) => step <= begin);
    if (first === -1) return undefined;
    window = window.slice(first);
    if (losses.some((measure) => moved(measure) >= lossDelta)) return undefined;
    if (accuracies.some((measure) => moved(measure) >= accuracyDelta)) return undefined;
    return `plateau: for ${windowSteps} steps losses moved less than ${lossDelta} and accuracies less than ${accuracyDelta}`;
  };
}

/** A measure as the API calls it, `test_accuracy`: its users read the detail, whatever their language. */
function apiName(measure: Measure): string {
  return measure.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
