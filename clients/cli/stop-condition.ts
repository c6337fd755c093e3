import type { Measure, StopCondition } from "@grokbox/sdk";
import { InvalidArgumentError } from "commander";

const measures: readonly Measure[] = [
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

/** As people write them; the names that JSON has are understood too. */
export const measureNames = measures.map(snakeCase);

/**
 * A stop condition as a person writes it: `test_accuracy >= 0.99`, `train_loss <= 1e-3 for 10` (recorded steps in a row),
 * `plateau` or `plateau for 2000` (steps). The option may be repeated.
 */
export function stopCondition(text: string, before: readonly StopCondition[] = []): StopCondition[] {
  return [...before, parse(text)];
}

function parse(text: string): StopCondition {
  const plateau = /^\s*plateau(?:\s+for\s+(?<steps>\d+)(?:\s+steps)?)?\s*$/.exec(text);
  if (plateau !== null) {
    const steps = plateau.groups?.steps;
    return { plateau: steps === undefined ? {} : { windowSteps: Number(steps) } };
  }
  const bound =
    /^\s*(?<name>\w+)\s*(?<comparison>[<>]=)\s*(?<value>\S+)(?:\s+for\s+(?<recorded>\d+)(?:\s+recorded(?:\s+steps)?)?)?\s*$/.exec(
      text,
    )?.groups;
  if (bound === undefined) {
    throw new InvalidArgumentError(
      `It must be like "test_accuracy >= 0.99", "train_loss <= 1e-3 for 10" or "plateau for 1000".`,
    );
  }
  const measure = measures.find((known) => known === bound.name || snakeCase(known) === bound.name);
  if (measure === undefined) {
    throw new InvalidArgumentError(
      `There is no measure ${bound.name}; known are ${measureNames.join(", ")}.`,
    );
  }
  const value = Number(bound.value);
  if (!Number.isFinite(value)) throw new InvalidArgumentError(`${bound.value} is not a number.`);
  return {
    measure,
    ...(bound.comparison === ">=" ? { atLeast: value } : { atMost: value }),
    ...(bound.recorded === undefined ? {} : { forRecorded: Number(bound.recorded) }),
  };
}

/** trainLoss as train_loss. */
function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
