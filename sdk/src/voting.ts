import {
  AnalysisService,
  type LogitsResponse,
  type Pair as PairMessage,
  type Voting as VotingMessage,
} from "@grokbox/proto/analysis";
import type { Connection } from "./connection.ts";
import { type CallOptions, callKeys } from "./deadline.ts";
import { defined } from "./defined.ts";
import { badAnswer, GrokboxError } from "./error.ts";
import type { Known } from "./known-keys.ts";
import { fromFloat64Tensor, type Tensor } from "./tensor.ts";
import { fromUint64 } from "./uint64.ts";

/** An ordered pair of inputs, 0 to p - 1 each. */
export type Pair = readonly [x: number, y: number];

export interface LogitsOptions extends CallOptions {
  /** @default the session's own */
  readonly activation?: string | undefined;
  /** Whose logits to send. @default all pairs x <= y, in lexicographic order */
  readonly pairs?: readonly Pair[] | undefined;
  /** Pairs of least margin to name, 0 to 1,000. @default 10 */
  readonly worstPairs?: number | undefined;
}

export const logitsKeys: Known<LogitsOptions> = {
  activation: true,
  pairs: true,
  worstPairs: true,
  ...callKeys,
};

/** Logits of one state, and how its neurons vote for them. */
export interface Logits {
  /** The step analysed. */
  readonly step: number;
  /** Never an alias. */
  readonly activation: string;
  /** Of the n rows. */
  readonly pairs: readonly Pair[];
  /** [n, p] */
  readonly logits: Tensor<Float64Array>;
  /** Of the network as it is. Absent for tasks other than addition, and when a logit is not finite. */
  readonly voting?: Voting;
  /** Of both layers projected on each neuron's dominant frequency. Absent likewise. */
  readonly projected?: Voting;
  /** What the neurons of frequency 1, 2, ... K contribute under x^2. */
  readonly votes: readonly FrequencyVote[];
  /**
   * What full diversification would make of those votes. Absent for tasks other than addition, and unless the mean of their signals is
   * positive.
   */
  readonly theory?: VotingTheory;
}

/** How logits stand on three levels: j = x + y is correct, j = 2x and j = 2y are spurious, all others background. */
export interface Voting {
  /** Mean logits of the pairs x != y. */
  readonly correct: number;
  readonly spurious: number;
  /** Absent for p = 3, which has no other residue. */
  readonly background?: number;
  /** (spurious - background) / (correct - background); 0.5 in theory. Absent when correct and background are equal but for rounding, and for p = 3. */
  readonly spuriousRatio?: number;
  /** Share of the logits' variance that the levels explain. Absent when logits are all equal. */
  readonly rSquared?: number;
  /** Root mean square of logit minus level. */
  readonly residual: number;
  readonly maxResidual: number;
  /** Mean logits of the pairs x = y. */
  readonly diagonalCorrect: number;
  readonly diagonalBackground: number;
  /** Correct logit minus the largest other one, over all p^2 pairs. */
  readonly meanMargin: number;
  readonly minMargin: number;
  /** Least softmax probability of the correct entry. */
  readonly minProbability: number;
  /** The least margin first. */
  readonly worstPairs: readonly WorstPair[];
}

export interface WorstPair {
  readonly pair: Pair;
  /** Negative where the answer is wrong. */
  readonly margin: number;
  /** The residue of the largest other logit. */
  readonly rival: number;
  /** The rival is 2x or 2y. */
  readonly spurious: boolean;
}

/** What the neurons of one dominant frequency contribute to logits under x^2. */
export interface FrequencyVote {
  readonly frequency: number;
  readonly neurons: number;
  /**
   * Sum of alpha^2 beta cos D over the neurons: what the signal cos w(x + y - j) is multiplied with. Negative where they vote against the
   * sum.
   */
  readonly signal: number;
  /** Amplitudes of what remains of the two noise terms; 0 under full diversification. */
  readonly firstNoise: number;
  readonly secondNoise: number;
}

/** Levels of a fully diversified quadratic network. */
export interface VotingTheory {
  /** a N / 2: a = alpha^2 beta of a neuron, N neurons a frequency. */
  readonly unit: number;
  readonly correct: number;
  readonly spurious: number;
  readonly background: number;
  readonly margin: number;
  /** A lower bound of the softmax probability of the correct entry; it says nothing when below 0. */
  readonly minProbability: number;
}

/** Numbers that fit into one answer. */
const pageLogits = 480_000;
const pagePairs = 20_000;

/** Reads logits in as many answers as they need. Throws ABORTED when the session trained on between two. */
export async function readLogits(
  connection: Connection,
  name: string,
  modulus: number,
  options: LogitsOptions,
): Promise<Logits> {
  const { activation = "", worstPairs } = options;
  const pairs = options.pairs ?? unorderedPairs(modulus);
  const deadline = connection.deadline(options);
  const most = Math.min(pagePairs, Math.floor(pageLogits / modulus));
  const pages: LogitsResponse[] = [];
  for (let from = 0; from === 0 || from < pairs.length; from += most) {
    const part = pairs.slice(from, from + most);
    const request = {
      name,
      activation,
      pairs: part.map(([x, y]) => ({ x, y })),
      withoutLogits: part.length === 0,
      ...defined({ worstPairs }),
    };
    const method = AnalysisService.method.logits;
    pages.push(await connection.read(method, request, { signal: options.signal, deadline }));
  }
  const [head] = pages as [LogitsResponse];
  const moved = pages.find(({ step }) => step !== head.step);
  if (moved !== undefined) {
    throw new GrokboxError(
      `the session went from step ${head.step} to ${moved.step} while its logits were read; pause it, or analyse a snapshot`,
      { code: "ABORTED" },
    );
  }
  const parts = pairs.length === 0 ? [] : pages.map((page) => fromFloat64Tensor(page.logits).data);
  const data = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    data.set(part, offset);
    offset += part.length;
  }
  const { voting, projected, theory } = head;
  return {
    step: fromUint64(head.step),
    activation: head.activation,
    pairs,
    logits: { data, shape: [pairs.length, modulus] },
    ...(voting === undefined ? {} : { voting: fromVoting(voting) }),
    ...(projected === undefined ? {} : { projected: fromVoting(projected) }),
    votes: head.votes.map(({ frequency, neurons, signal, firstNoise, secondNoise }) => ({
      frequency,
      neurons,
      signal,
      firstNoise,
      secondNoise,
    })),
    ...(theory === undefined ? {} : { theory: fromTheory(theory) }),
  };
}

function unorderedPairs(modulus: number): Pair[] {
  return Array.from({ length: modulus }, (_, x) =>
    Array.from({ length: modulus - x }, (__, i): Pair => [x, x + i]),
  ).flat();
}

function fromVoting(message: VotingMessage): Voting {
  const { correct, spurious, background, spuriousRatio, rSquared, residual, maxResidual } = message;
  const { diagonalCorrect, diagonalBackground, meanMargin, minMargin, minProbability } = message;
  return {
    correct,
    spurious,
    ...defined({ background, spuriousRatio, rSquared }),
    residual,
    maxResidual,
    diagonalCorrect,
    diagonalBackground,
    meanMargin,
    minMargin,
    minProbability,
    worstPairs: message.worstPairs.map(({ pair, margin, rival, spurious }) => ({
      pair: fromPair(pair),
      margin,
      rival,
      spurious,
    })),
  };
}

function fromTheory(message: NonNullable<LogitsResponse["theory"]>): VotingTheory {
  const { unit, correct, spurious, background, margin, minProbability } = message;
  return { unit, correct, spurious, background, margin, minProbability };
}

function fromPair(pair: PairMessage | undefined): Pair {
  if (pair === undefined) throw badAnswer("the server left out a pair");
  return [pair.x, pair.y];
}
