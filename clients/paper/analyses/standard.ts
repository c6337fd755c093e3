import type { Session } from "@grokbox/sdk";
import { type EndState, measureEnd, tableActivations } from "../end-state.ts";
import type { Measurements } from "../measurements.ts";

const of = "standard";

/** Where the two activations that lag behind are looked at. */
const halfWay = 5_000;
export const standardSnapshots: readonly number[] = [0, halfWay];

/** Activations under which a loss is published besides. */
const others = ["x^8"] as const;

/** Needs the snapshots that there are of `standardSnapshots`. */
export async function analyseStandard(
  session: Session,
  into: Measurements,
  signal: AbortSignal,
): Promise<EndState> {
  const { step: end } = session.info;
  const activations = [...tableActivations, ...others];
  const [state, table, { theta }, halfTable] = await Promise.all([
    measureEnd(session, signal),
    session.swapActivation(activations, { evaluateOnly: true, signal }),
    session.download({ at: 0, signal }),
    end < halfWay
      ? undefined
      : session.swapActivation(["softplus2", "exp"], { evaluateOnly: true, at: halfWay, signal }),
  ]);
  const [a, b, c] = theta.data;
  into.add(of, "step 0", { "theta[0,0]": a, "theta[0,1]": b, "theta[0,2]": c });
  into.add(of, `step ${end}`, state);
  const accuracies = Object.fromEntries(table.map(({ activation, accuracy }) => [activation, accuracy]));
  into.add(of, "accuracy under", accuracies);
  into.add(of, "loss under", Object.fromEntries(table.map(({ activation, loss }) => [activation, loss])));
  if (halfTable !== undefined) {
    const [softplus2, exp] = halfTable.map(({ accuracy }) => accuracy);
    into.add(of, `accuracy at step ${halfWay} under`, { softplus2, exp });
  }
  return state;
}
