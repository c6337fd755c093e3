import type { ExtraMeasure, Measure, SchedulableMeasure } from "@grokbox/sdk";

/** Of every point. The SDK, which knows them too, is loaded only when there is a call to make. */
const common: readonly Measure[] = [
  "trainLoss",
  "testLoss",
  "trainAccuracy",
  "testAccuracy",
  "commonAccuracy",
  "rareAccuracy",
  "partnerAccuracy",
  "heldOutAccuracy",
  "ipr",
  "meanAbsSinMisalignment",
  "parameterNorm",
  "gradientNorm",
];

export const extraMeasures: readonly ExtraMeasure[] = [
  "iprTheta",
  "iprXi",
  "thetaCosineFit",
  "xiCosineFit",
  "dominantOnlyTrainLoss",
  "dominantOnlyTestLoss",
  "dominantRemovedTrainLoss",
  "dominantRemovedTestLoss",
  "magnitudeDrift",
  "phaseDrift",
  "misalignmentError",
  "maxProbabilityDeviation",
  "votingResidual",
  "votingRSquared",
];

export const measures: readonly Measure[] = [...common, ...extraMeasures];

/** Of the first two every point has them, unless it is said how often. */
export const schedulableMeasures: readonly SchedulableMeasure[] = [
  "ipr",
  "meanAbsSinMisalignment",
  ...extraMeasures,
];

/** As people write them; the names that JSON has are understood too. */
export const measureNames = measures.map(snakeCase);
export const schedulableMeasureNames = schedulableMeasures.map(snakeCase);

/** The one of `known` that a person names. */
export function measureOf<M extends Measure>(name: string, known: readonly M[]): M | undefined {
  return known.find((measure) => measure === name || snakeCase(measure) === name);
}

/** trainLoss as train_loss. */
export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Of a help's lines. */
const helpWidth = 78;

/** A section of a command's help. */
export function measuresHelp(title: string, names: readonly string[]): string {
  const lines: string[] = [];
  for (const name of names) {
    const longer = `${lines.at(-1)}, ${name}`;
    if (lines.length > 0 && longer.length < helpWidth) lines[lines.length - 1] = longer;
    else lines.push(name);
  }
  return `\n${title}:\n  ${lines.join(",\n  ")}\n`;
}
