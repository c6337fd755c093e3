import type { Changes } from "@grokbox/sdk";
import { count, setting } from "./numbers.ts";
import { grokfastText } from "./spec-text.ts";

/** activation abs, adamw decay 0, without frequencies 2, 5; empty when nothing is different. */
export function changesText(changes: Changes): string {
  const { activation, warmupSteps, removeFrequencies, keepFrequencies } = changes;
  return [
    activation === undefined ? "" : `activation ${activation}`,
    optimizerText(changes.optimizer),
    warmupSteps === undefined ? "" : `warm-up ${count(warmupSteps)} steps`,
    splitText(changes.split),
    removeFrequencies === undefined ? "" : `without frequencies ${removeFrequencies.join(", ")}`,
    keepFrequencies === undefined ? "" : `only frequencies ${keepFrequencies.join(", ")}`,
  ]
    .filter((part) => part !== "")
    .join(", ");
}

function optimizerText(optimizer: Changes["optimizer"]): string {
  if (optimizer === undefined) return "";
  const { kind, learningRate, weightDecay, grokfast, ...rest } = optimizer;
  const named = { lr: learningRate, decay: weightDecay, ...rest };
  const settings = Object.entries(named).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} ${setting(value)}`],
  );
  return [kind, ...settings, ...(grokfast === undefined ? [] : [grokfastText(grokfast)])].join(" ");
}

function splitText(split: Changes["split"]): string {
  if (split === undefined) return "";
  if (split.kind === "explicit") return `${count(split.trainPairs.length)} listed pairs train`;
  const share = split.fraction === undefined ? "" : ` of ${Number((split.fraction * 100).toPrecision(4))}%`;
  return `${split.kind} split${share}`;
}
