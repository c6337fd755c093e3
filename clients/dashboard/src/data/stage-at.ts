import type { Stage, Stages } from "@grokbox/sdk";

/** A stage and the steps that are in it. */
export interface StageSpan {
  readonly stage: Stage;
  readonly first: number;
  /** Where the next one begins; as far as is known when it is the last. */
  readonly end: number;
}

/** The stages up to a step, as they are known now, boundaries dated back. None without a test set. */
export function stageSpans(stages: Stages | undefined, upTo: number): StageSpan[] {
  if (stages === undefined) return [];
  const { memorizationEnd, generalizationEnd } = stages;
  const bounds = [0, memorizationEnd ?? upTo, generalizationEnd ?? upTo, upTo];
  return (["memorization", "generalization", "cleanup"] as const)
    .map((stage, i) => ({ stage, first: bounds[i]!, end: Math.min(bounds[i + 1]!, upTo) }))
    .filter(({ first, end }) => end > first);
}

/** The stage that a step is in, as is known now; a point tells only what was known when it was recorded. */
export function stageAt(stages: Stages | undefined, step: number): Stage | undefined {
  if (stages === undefined) return undefined;
  const { memorizationEnd, generalizationEnd } = stages;
  if (memorizationEnd === undefined || step < memorizationEnd) return "memorization";
  return generalizationEnd === undefined || step < generalizationEnd ? "generalization" : "cleanup";
}
