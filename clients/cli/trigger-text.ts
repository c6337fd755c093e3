import type { Trigger } from "@grokbox/sdk";
import { changesText } from "./changes-text.ts";
import { count } from "./numbers.ts";
import { thresholdText } from "./stop-condition.ts";

/** What a trigger waits for: test_accuracy >= 0.99 for 10, each time */
export function conditionText({ when, repeat }: Pick<Trigger, "when" | "repeat">): string {
  return `${thresholdText(when)}${repeat ? ", each time" : ""}`;
}

/** What it does then: fork with adamw decay 0, run to step 12,200 */
export function actionText({ action }: Pick<Trigger, "action">): string {
  switch (action.kind) {
    case "snapshot":
      return action.label === undefined || action.label === "" ? "snapshot" : `snapshot "${action.label}"`;
    case "pause":
      return "pause";
    case "fork": {
      const changes = changesText(action.changes ?? {});
      const { runUntilStep } = action;
      return [
        changes === "" ? "fork" : `fork with ${changes}`,
        ...(runUntilStep === undefined ? [] : [`run to step ${count(runUntilStep)}`]),
      ].join(", ");
    }
  }
}

/** What has come of it: fired at step 2,200, or 3 times, last at step 2,200, and what went wrong. */
export function firedText({ fired, lastFiredStep, lastError }: Trigger): string {
  const often = fired > 1 ? `${count(fired)} times, last ` : "";
  const at = fired === 0 ? "not yet" : `${often}at step ${count(lastFiredStep)}`;
  return lastError === "" ? at : `${at}: ${lastError}`;
}
