import type { GrokfastInput, SessionInfo, Spec, StopReason } from "@grokbox/sdk";
import { count, plural, setting } from "./numbers.ts";

/** p 23, M 512, embedding 128, relu, add, adamw lr 1e-4 decay 2 grokfast 2, 75% train, seed 42 */
export function specText(spec: Spec): string {
  const { modulus, width, activation, task, seed } = spec;
  return [
    `p ${modulus}`,
    `M ${width}`,
    embeddingText(spec),
    activation,
    task,
    optimizerText(spec),
    splitText(spec),
    `seed ${seed}`,
  ]
    .filter((part) => part !== "")
    .join(", ");
}

export function optimizerText({ optimizer }: Spec): string {
  const { kind, learningRate, weightDecay, grokfast } = optimizer;
  return [
    `${kind} lr ${setting(learningRate)}`,
    weightDecay === 0 ? "" : `decay ${setting(weightDecay)}`,
    grokfast === undefined ? "" : grokfastText(grokfast),
  ]
    .filter((part) => part !== "")
    .join(" ");
}

/** grokfast 2, and its alpha when that is not the paper's. */
export function grokfastText({ alpha, lambda }: GrokfastInput): string {
  if (lambda === 0) return "without grokfast";
  const factor = lambda === undefined ? "grokfast" : `grokfast ${setting(lambda)}`;
  return alpha === undefined || alpha === 0.98 ? factor : `${factor} alpha ${setting(alpha)}`;
}

/** Empty when theta itself is trained. */
export function embeddingText({ embedding }: Spec): string {
  return embedding === undefined ? "" : `embedding ${embedding.dimension}`;
}

/** Empty when all pairs train. */
function splitText({ split, modulus }: Spec): string {
  if (split.kind === "explicit")
    return `${count(split.trainPairs.length)} of ${count(modulus ** 2)} pairs train`;
  return split.fraction === 1 ? "" : `${Number((split.fraction * 100).toPrecision(4))}% train`;
}

export function pairsText({
  pairCounts: { train, test, common, rare, partner, heldOut },
}: SessionInfo): string {
  if (test === 0) return `all ${plural(train, "pair")} train`;
  return `${count(train)} train (${count(common)} common, ${count(rare)} rare), ${count(test)} test (${count(partner)} partner, ${count(heldOut)} held out)`;
}

/** Why training stopped, to go behind the session's name. */
export function stopText({ kind, detail, step }: StopReason): string {
  switch (kind) {
    case "target":
      return `reached step ${count(step)}`;
    case "condition":
      return `stopped at step ${count(step)}: ${detail}`;
    case "paused":
      return `was paused at step ${count(step)}`;
    case "diverged":
      return `diverged at step ${count(step)}: ${detail}`;
    case "shutdown":
      return `was stopped at step ${count(step)}: the server shut down`;
    default:
      return `stopped at step ${count(step)}: ${detail}`;
  }
}
