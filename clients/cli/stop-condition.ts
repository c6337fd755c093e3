import type { StopCondition, Threshold } from "@grokbox/sdk";
import { InvalidArgumentError } from "commander";
import { measureNames, measureOf, measures, snakeCase } from "./measures.ts";
import { largestUint32, whole } from "./values.ts";

/**
 * A stop condition as a person writes it: `test_accuracy >= 0.99`, `train_loss <= 1e-3 for 10` (recorded steps in a row),
 * `plateau` or `plateau for 2000` (steps). The option may be repeated.
 */
export function stopCondition(text: string, before: readonly StopCondition[] = []): StopCondition[] {
  return [...before, parse(text)];
}

function parse(text: string): StopCondition {
  const plateau = /^\s*plateau(?:\s+for\s+(?<steps>\d+)(?:\s+steps)?)?\s*$/.exec(text);
  if (plateau === null) return threshold(text, `, or "plateau for 1000"`);
  const steps = plateau.groups?.steps;
  return {
    plateau:
      steps === undefined ? {} : { windowSteps: whole(steps, Number.MAX_SAFE_INTEGER, "What follows for") },
  };
}

/**
 * A measure and its bound as a person writes them: `test_accuracy >= 0.99`, `train_loss <= 1e-3 for 10` (recorded steps in a row).
 *
 * @param others - what else it may be, for errors
 */
export function threshold(text: string, others = ""): Threshold {
  const bound =
    /^\s*(?<name>\w+)\s*(?<comparison>[<>]=)\s*(?<value>\S+)(?:\s+for\s+(?<recorded>\d+)(?:\s+recorded(?:\s+steps)?)?)?\s*$/.exec(
      text,
    )?.groups;
  if (bound === undefined) {
    throw new InvalidArgumentError(
      `It must be like "test_accuracy >= 0.99" or "train_loss <= 1e-3 for 10"${others}.`,
    );
  }
  const measure = measureOf(bound.name ?? "", measures);
  if (measure === undefined) {
    throw new InvalidArgumentError(
      `There is no measure ${bound.name}; known are ${measureNames.join(", ")}.`,
    );
  }
  const value = numberOf(bound.value ?? "");
  return {
    measure,
    ...(bound.comparison === ">=" ? { atLeast: value } : { atMost: value }),
    ...(bound.recorded === undefined
      ? {}
      : { forRecorded: whole(bound.recorded, largestUint32, "What follows for") }),
  };
}

/** Which values a measure can have is the server's to say. */
function numberOf(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value)) return value;
  const share = /^[\d.]+%$/.test(text) ? Number.parseFloat(text) / 100 : Number.NaN;
  const instead = Number.isFinite(share) ? `; write ${Number(share.toPrecision(12))}` : "";
  throw new InvalidArgumentError(`${text} is not a number${instead}.`);
}

/** As a person writes it. */
export function thresholdText({ measure, atLeast, atMost, forRecorded = 1 }: Threshold): string {
  const bound = atLeast === undefined ? `<= ${atMost}` : `>= ${atLeast}`;
  return `${snakeCase(measure)} ${bound}${forRecorded > 1 ? ` for ${forRecorded}` : ""}`;
}
