import type { Result } from "../results.ts";

const words: Readonly<Record<string, string>> = {
  trainLoss: "train loss",
  testLoss: "test loss",
  trainAccuracy: "train accuracy",
  testAccuracy: "test accuracy",
  common: "accuracy on common pairs",
  rare: "accuracy on rare pairs",
  partner: "accuracy on partner pairs",
  heldOut: "accuracy on held-out pairs",
  ipr: "IPR",
  meanAbsSinMisalignment: "mean |sin D|",
  parameterNorm: "parameter norm",
};

const letters: readonly (readonly [RegExp, string])[] = [
  [/\balpha\b/g, "α"],
  [/\bbeta\b/g, "β"],
  [/\btheta\b/g, "θ"],
  [/\bxi\b/g, "ξ"],
  [/\bphi\b/g, "φ"],
  [/\bpi\b/g, "π"],
  [/\be\^\{(\d?) ?i φ\}/g, "exp($1iφ)"],
  [/\^2/g, "²"],
  [/\^3/g, "³"],
  [/\^4/g, "⁴"],
  [/\^8/g, "⁸"],
];

/** What the catalogue writes in plain letters, as the paper writes it. */
export function inLetters(text: string): string {
  return letters.reduce((result, [plain, letter]) => result.replace(plain, letter), text);
}

/** A measure as people say it; of pairs, its count. */
export function inWords({ where, measure }: Pick<Result, "where" | "measure">): string {
  return where !== "pairs" && Object.hasOwn(words, measure) ? words[measure]! : inLetters(measure);
}
