/** The published runs: p = 23, M = 512, seed 42, with the updates that each makes. */
export const runSteps = {
  standard: 10_000,
  grokking: 50_000,
  quad_random: 5_000,
  quad_random_sgd: 10_000,
  relu_random_sgd: 10_000,
  quad_single_freq: 10_000,
  relu_single_freq: 10_000,
} as const;

export type RunName = keyof typeof runSteps;
export const runNames = Object.keys(runSteps) as readonly RunName[];

export const publishedModulus = 23;
export const publishedSeed = 42;

/** The least p of which the published demo shows grokking. */
export const leastGrokkingModulus = 19;

/** Why a run can't be made at a modulus; undefined when it can. */
export function unfit(run: RunName, modulus: number): string | undefined {
  return run === "grokking" && modulus < leastGrokkingModulus
    ? `grokking needs p >= ${leastGrokkingModulus}`
    : undefined;
}

/** Updates of a run when the longest one makes `longest`, and the others in proportion; at least 1. */
export function scaledSteps(run: RunName, longest: number): number {
  const most = Math.max(...Object.values(runSteps));
  return Math.max(1, Math.round((runSteps[run] * longest) / most));
}
