import type { ProgressPoint } from "@grokbox/sdk";

/** The state after `step` updates. What the run can't have (a test loss without a test set) is null. */
export interface CurveRow {
  readonly step: number;
  /** Nats. */
  readonly trainLoss: number;
  readonly testLoss: number | null;
  readonly trainAccuracy: number;
  readonly testAccuracy: number | null;
  /** Accuracies by class of pairs. */
  readonly common: number | null;
  readonly rare: number | null;
  readonly partner: number | null;
  readonly heldOut: number | null;
  readonly ipr: number | null;
  readonly meanAbsSinMisalignment: number | null;
  readonly parameterNorm: number;
  readonly gradientNorm: number;
}

export type Measure = Exclude<keyof CurveRow, "step">;

export function rowOf(point: ProgressPoint): CurveRow {
  const { step, trainLoss, trainAccuracy, accuracy, parameterNorm, gradientNorm } = point;
  return {
    step,
    trainLoss,
    testLoss: point.testLoss ?? null,
    trainAccuracy,
    testAccuracy: point.testAccuracy ?? null,
    common: accuracy.common ?? null,
    rare: accuracy.rare ?? null,
    partner: accuracy.partner ?? null,
    heldOut: accuracy.heldOut ?? null,
    ipr: point.ipr ?? null,
    meanAbsSinMisalignment: point.meanAbsSinMisalignment ?? null,
    parameterNorm,
    gradientNorm,
  };
}
