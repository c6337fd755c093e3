import type { MessageInitShape } from "@bufbuild/protobuf";
import type { VotingSchema, VotingTheorySchema } from "@grokbox/proto/analysis";
import type { VotingFit, VotingTheory } from "../model/voting.ts";
import { defined } from "./defined.ts";

export function votingMessage(fit: VotingFit): MessageInitShape<typeof VotingSchema> {
  const { levels, spuriousRatio, r2, residual, maxResidual, diagonal, margin, minSoftmax, worst } = fit;
  return {
    ...levels,
    ...defined({ spuriousRatio, rSquared: r2 }),
    residual,
    maxResidual,
    diagonalCorrect: diagonal.correct,
    diagonalBackground: diagonal.background,
    meanMargin: margin.mean,
    minMargin: margin.min,
    minProbability: minSoftmax,
    worstPairs: worst.map(({ x, y, margin, rival, isSpurious }) => ({
      pair: { x, y },
      margin,
      rival,
      spurious: isSpurious,
    })),
  };
}

export function theoryMessage(theory: VotingTheory): MessageInitShape<typeof VotingTheorySchema> {
  const { unit, correct, spurious, background, margin, minSoftmax: minProbability } = theory;
  return { unit, correct, spurious, background, margin, minProbability };
}
