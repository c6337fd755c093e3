import { cost } from "./catalogue/cost.ts";
import { grokking } from "./catalogue/grokking.ts";
import { lottery } from "./catalogue/lottery.ts";
import { singleFrequency } from "./catalogue/single-frequency.ts";
import { specs } from "./catalogue/specs.ts";
import { standard } from "./catalogue/standard.ts";
import { theory } from "./catalogue/theory.ts";
import type { Published } from "./published.ts";

/**
 * Every published number, in the order of the sections.
 *
 * @param modulus - of a neuron count for each of its frequencies
 */
export function catalogue(modulus: number): readonly Published[] {
  return [...specs, ...standard(modulus), ...grokking, ...singleFrequency, ...lottery, ...theory, ...cost];
}
