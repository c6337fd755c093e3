import type { Activation } from "../model/spec.ts";
import { type FrequencyVote, type VotingFit, type VotingTheory, votingTheory } from "../model/voting.ts";
import { logitsOf, type Subject } from "./analysis.ts";
import type { Registry } from "./registry.ts";

/** How a network's logits stand, and who votes for them. */
export interface VotingAnalysis {
  /** [p(p+1)/2, p], pairs x <= y in lexicographic order. */
  readonly logits: Float64Array;
  readonly voting: VotingFit | undefined;
  readonly projected: VotingFit | undefined;
  readonly votes: readonly FrequencyVote[];
  /** Of a network that adds, unless the mean of the signals is 0 or less. */
  readonly theory: VotingTheory | undefined;
}

/** @param worst - pairs of least margin to name */
export async function analyseVoting(
  registry: Registry,
  subject: Subject,
  activation: Activation,
  worst: number,
  signal: AbortSignal,
): Promise<VotingAnalysis> {
  const { spec, state } = subject;
  const { modulus } = spec;
  const fit = async (logits: Float64Array) =>
    spec.task === "add" && logits.every(Number.isFinite)
      ? registry.analyst.run("votingFit", { operations: 4 * logits.length, signal }, logits, modulus, worst)
      : undefined;
  const logits = await logitsOf(registry, subject, { activation }, signal);
  const voting = await fit(logits);
  const cost = { operations: 2 * state.theta.length * modulus, signal };
  const layers = await registry.analyst.run("projectOnDominant", cost, state.theta, state.xi, modulus);
  const projected = await fit(await logitsOf(registry, subject, { activation, ...layers }, signal));
  const votes = await registry.analyst.run("votes", cost, state.theta, state.xi, modulus);
  const mean = votes.reduce((sum, vote) => sum + vote.signal, 0) / votes.length;
  return {
    logits,
    voting,
    projected,
    votes,
    theory: spec.task === "add" && mean > 0 ? votingTheory(modulus, mean, 1) : undefined,
  };
}
