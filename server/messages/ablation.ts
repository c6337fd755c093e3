import type { Ablation as AblationMessage, IdealNetwork } from "@grokbox/proto/analysis";
import type { Ablation } from "../model/ablation.ts";
import type { IdealSpec } from "../model/ideal-network.ts";
import type { Checks } from "./checks.ts";

const mostAblations = 16;

/** Of a layer of an ideal network. */
const mostWeights = 4_000_000;

/** The changes as the model takes them; what is wrong in their form is added to `checks`. */
export function ablationsFrom(messages: readonly AblationMessage[], checks: Checks): Ablation[] {
  if (messages.length > mostAblations)
    checks.fail("ablations", `must be at most ${mostAblations}`, messages.length);
  return messages.slice(0, mostAblations).flatMap(({ change }, i): Ablation[] => {
    switch (change.case) {
      case "removeFrequencies":
      case "keepFrequencies":
        return [{ kind: change.case, frequencies: change.value.frequencies }];
      case "removeNeurons":
      case "keepNeurons":
        return [{ kind: change.case, neurons: change.value.neurons }];
      case "project":
        return [{ kind: "project" }];
      case "spreadPhases":
        return [{ kind: "spreadPhases", range: change.value.range }];
      case "restrictPhases":
        return [{ kind: "restrictPhases", center: change.value.center, range: change.value.range }];
      case "scale":
        return [{ kind: "scale", theta: change.value.theta, xi: change.value.xi }];
      default:
        checks.fail(`ablations[${i}]`, "must say what to change");
        return [];
    }
  });
}

export function idealFrom(message: IdealNetwork, checks: Checks): IdealSpec {
  const { modulus, width, phaseRange, alpha, beta } = message;
  checks.modulus("ideal.modulus", modulus);
  const all = Array.from({ length: Math.max(1, Math.min(99, (modulus - 1) / 2)) }, (_, i) => i + 1);
  const frequencies = message.frequencies.length === 0 ? all : message.frequencies;
  for (const [i, k] of message.frequencies.slice(0, 100).entries()) {
    checks.integer(`ideal.frequencies[${i}]`, k, 1, all.length);
  }
  if (new Set(frequencies).size < frequencies.length)
    checks.fail("ideal.frequencies", "must be without repetition");
  const most = Math.min(65_536, Math.floor(mostWeights / Math.max(modulus, 1)));
  checks.integer("ideal.width", width, Math.min(frequencies.length, most), most);
  return {
    modulus,
    frequencies,
    neurons: width,
    phaseRange: checks.number("ideal.phase_range", phaseRange, { over: 0, max: 2 * Math.PI }, 2 * Math.PI),
    alpha: checks.number("ideal.alpha", alpha, { max: Number.MAX_VALUE }, 1),
    beta: checks.number("ideal.beta", beta, { max: Number.MAX_VALUE }, 1),
  };
}
