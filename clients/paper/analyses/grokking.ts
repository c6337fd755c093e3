import type { Session } from "@grokbox/sdk";
import { type EndState, measureEnd } from "../end-state.ts";
import type { Measurements } from "../measurements.ts";

const of = "grokking";

/** Of the published checkpoints 2,200 and 10,000. */
const spectraAt: readonly number[] = [2_201, 10_001];
export const grokkingSnapshots = spectraAt;

/** Needs the snapshots that there are of `grokkingSnapshots`. */
export async function analyseGrokking(
  session: Session,
  into: Measurements,
  signal: AbortSignal,
): Promise<EndState> {
  const { step: end, pairCounts } = session.info;
  const kept = spectraAt.filter((step) => step <= end);
  const [state, evaluation, ...spectra] = await Promise.all([
    measureEnd(session, signal),
    session.evaluate({ signal }),
    ...kept.map((at) => session.spectrum({ at, neurons: [], signal })),
  ]);
  into.add(of, "pairs", {
    ...pairCounts,
    "held out": pairCounts.heldOut,
    "predicted plateau": evaluation.predictedPlateau,
  });
  into.add(of, `step ${end}`, state);
  into.add(of, "stages", state);
  for (const { step, theta, xi } of spectra) {
    if (theta.coefficientIpr === undefined || xi.coefficientIpr === undefined) continue;
    const mean = (theta.coefficientIpr + xi.coefficientIpr) / 2;
    into.add(of, `step ${step}`, { "IPR over coefficients": mean });
  }
  return state;
}
