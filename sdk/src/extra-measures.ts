import type { ExtraMeasures as ExtraMeasuresMessage } from "@grokbox/proto/progress";
import { defined } from "./defined.ts";
import type { ExtraMeasure } from "./measure.ts";

/**
 * What a point carries because its session takes it; a measure that the state can't have is absent. k* is the dominant frequency of a
 * neuron's theta at this state, alpha and phi theta's magnitude and phase there, beta and psi xi's, D = 2 phi - psi. Drifts and
 * `misalignmentError` hold the state against the decoupled gradient flow from the one at which the session began.
 */
export interface ExtraMeasures extends Readonly<Partial<Record<ExtraMeasure, number>>> {
  /** Inverse participation ratio over frequencies, mean over the rows of theta, 1/K to 1. */
  readonly iprTheta?: number;
  /** The same of xi. */
  readonly iprXi?: number;
  /** Mean over neurons of the R^2 of theta's row and its component at k*, 0 to 1. */
  readonly thetaCosineFit?: number;
  /** The same of xi, without the neurons whose theta has no frequency. */
  readonly xiCosineFit?: number;
  /** Of a copy with both layers projected on k*, nats: what restricted loss is for transformers. */
  readonly dominantOnlyTrainLoss?: number;
  readonly dominantOnlyTestLoss?: number;
  /** Of a copy with k* taken out of both layers, nats: what excluded loss is for transformers. */
  readonly dominantRemovedTrainLoss?: number;
  readonly dominantRemovedTestLoss?: number;
  /** Mean over neurons of the change of alpha^2 - 2 beta^2, over the larger alpha^2 + 2 beta^2 of the two states; 0 to 2. */
  readonly magnitudeDrift?: number;
  /** Mean over neurons of the change of alpha^2 beta sin D, over the larger alpha^2 beta of the two states; 0 to 2. */
  readonly phaseDrift?: number;
  /** Mean over neurons of |D of the flow by now - D|, radians, 0 to pi; without those whose flow has blown up by now. */
  readonly misalignmentError?: number;
  /** Largest |softmax - 1/p| over pairs and residues, 0 to 1 - 1/p: while it is small the flow holds. */
  readonly maxProbabilityDeviation?: number;
  /** Root mean square of logit minus level of the voting fit, as `Session.logits` has it. */
  readonly votingResidual?: number;
  /** Share of the variance of the logits that the levels explain, at most 1. */
  readonly votingRSquared?: number;
}

export function fromExtraMeasures(message: ExtraMeasuresMessage): ExtraMeasures {
  const { $typeName: _, $unknown: __, ...values } = message;
  return defined(values);
}
