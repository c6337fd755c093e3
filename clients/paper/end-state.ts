import type { Session } from "@grokbox/sdk";

/** The names by which the published table calls the activations, here those of the API. */
export const tableActivations = ["relu", "abs", "x^2", "x^4", "softplus2", "exp", "identity", "x^3"] as const;
export type TableActivation = (typeof tableActivations)[number];

/** What is measured of the present state of any run, by the names of the catalogue; undefined for what it can't have. */
export type EndState = Readonly<Record<string, number | undefined>>;

export async function measureEnd(session: Session, signal: AbortSignal): Promise<EndState> {
  const [spectrum, logits, lottery] = await Promise.all([
    session.spectrum({ signal, neurons: [] }),
    session.logits({ signal, activation: "x^2", pairs: [] }),
    session.lottery({ signal }),
  ]);
  const { voting, projected } = logits;
  const { stages } = session.info;
  const { groups, neuronsPerFrequency } = spectrum;
  const present = groups.filter(({ neurons }) => neurons > 0);
  const mean = (of: (group: (typeof groups)[number]) => number) =>
    present.length === 0 ? undefined : present.reduce((sum, group) => sum + of(group), 0) / present.length;
  const concentration = (n: number) => mean(({ phaseConcentration }) => phaseConcentration[n - 1] ?? 0);
  return {
    "IPR of theta": spectrum.ipr.theta,
    "IPR of xi": spectrum.ipr.xi,
    "mean |sin D|": spectrum.meanAbsSinMisalignment,
    "max |D|": spectrum.maxAbsMisalignment,
    "layers agree on k*": spectrum.layerAgreement,
    "alpha, mean": spectrum.alpha?.mean,
    "alpha, spread": spectrum.alpha?.spread,
    "beta, mean": spectrum.beta?.mean,
    "beta, spread": spectrum.beta?.spread,
    "energy of theta at k*": spectrum.theta.meanCosineFit,
    "energy of xi at k*": spectrum.xi.meanCosineFit,
    "|mean e^{i phi}|": concentration(1),
    "|mean e^{2 i phi}|": concentration(2),
    "|mean e^{3 i phi}|": concentration(3),
    "|mean e^{4 i phi}|": concentration(4),
    // The mean length of the mean of n random unit vectors, n large: a Rayleigh distribution's.
    "random phases' |mean e^{i phi}|": mean(({ neurons }) => Math.sqrt(Math.PI / (4 * neurons))),
    ...Object.fromEntries(neuronsPerFrequency.map((count, i) => [`neurons of frequency ${i + 1}`, count])),
    "correct logit under x^2": voting?.correct,
    "spurious logit under x^2": voting?.spurious,
    "background logit under x^2": voting?.background,
    "spurious share under x^2": voting?.spuriousRatio,
    "spurious share of projected weights": projected?.spuriousRatio,
    "winners forecast at step 0": lottery.shareRight,
    "winners by smallest |D| alone": lottery.shareByMisalignment,
    "winners by largest alpha alone": lottery.shareByMagnitude,
    "memorization ends at step": stages?.memorizationEnd,
    "generalization ends at step": stages?.generalizationEnd,
  };
}
