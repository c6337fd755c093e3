import type { Grokbox, Session } from "@grokbox/sdk";
import { type CurveRow, rowOf } from "./curve.ts";
import type { PaperOptions } from "./options.ts";
import { publishedSteps, type TableActivation, tableActivations } from "./reference.ts";

/** What a run gave: the object that `--json` prints. */
export interface PaperResult {
  readonly run: string;
  readonly engine: string;
  readonly steps: number;
  readonly seed: number;
  /** Of the run alone, from starting it to its end. */
  readonly seconds: number;
  readonly stepsPerSecond: number;
  /** Every hundredth step, each step s that is published with its s + 1, and the last. */
  readonly curve: readonly CurveRow[];
  /** Accuracy over all pairs at the last step under each activation. */
  readonly activations: Readonly<Record<TableActivation, number>>;
}

/** A result, and of the last state what only people are told. */
export interface Measured extends PaperResult {
  /** The engine's device. */
  readonly device: string;
  /** By the names of `PublishedEnd`. */
  readonly end: Readonly<Record<string, number | undefined>>;
}

const recordEvery = 100;

/**
 * Makes a published run's updates on a server and measures it on the way.
 *
 * @param onStep - is told of the steps recorded
 */
export async function measure(
  box: Grokbox,
  options: PaperOptions,
  onStep: (step: number) => void,
  signal: AbortSignal,
): Promise<Measured> {
  const { run: preset, steps, seed, engine, engineAsked } = options;
  await using session = await box.start({ preset, seed, engine, recordEvery, signal });
  const { latest } = session.info;
  const curve = latest === undefined ? [] : [rowOf(latest)];
  const recordAt = publishedSteps.flatMap((step) => [step, step + 1]).filter((s) => s > 0 && s <= steps);
  const began = performance.now();
  const run = session.run({ untilStep: steps, recordAt, signal });
  for await (const point of run) {
    if (point.gapBefore !== undefined) throw new Error("the server's history is too short for this run");
    curve.push(rowOf(point));
    onStep(point.step);
  }
  const seconds = (performance.now() - began) / 1000;
  await checkEnd(session, signal, steps);
  const table = await session.swapActivation(tableActivations, { evaluateOnly: true, signal });
  const { engines } = await box.info({ signal });
  const used = engines.find(({ name }) => name === session.info.engine);
  return {
    run: preset,
    engine: engineAsked ?? session.info.engine,
    steps,
    seed,
    seconds,
    stepsPerSecond: steps / seconds,
    curve,
    activations: Object.fromEntries(
      table.map(({ accuracy }, i) => [tableActivations[i], accuracy]),
    ) as PaperResult["activations"],
    device: used === undefined ? "" : `${used.variant}, ${used.device}`,
    end: await measureEnd(session, signal),
  };
}

async function checkEnd(session: Session, signal: AbortSignal, steps: number): Promise<void> {
  const { step, stopReason } = await session.refresh({ signal });
  if (step !== steps)
    throw new Error(`the run stopped at step ${step}: ${stopReason?.detail ?? "no reason given"}`);
}

async function measureEnd(session: Session, signal: AbortSignal): Promise<Measured["end"]> {
  const spectrum = await session.spectrum({ signal, neurons: [] });
  const { voting, projected } = await session.logits({ signal, activation: "x^2", pairs: [] });
  const lottery = await session.lottery({ signal });
  const { stages } = session.info;
  const concentration = (n: number) => {
    const groups = spectrum.groups.flatMap(({ phaseConcentration }) => phaseConcentration[n - 1] ?? []);
    return groups.reduce((sum, value) => sum + value, 0) / groups.length;
  };
  return {
    "IPR of theta": spectrum.ipr.theta,
    "IPR of xi": spectrum.ipr.xi,
    "mean |sin D|": spectrum.meanAbsSinMisalignment,
    "max |D|": spectrum.maxAbsMisalignment,
    "layers agree on k*": spectrum.layerAgreement,
    "alpha, mean": spectrum.alpha.mean,
    "alpha, spread": spectrum.alpha.spread,
    "beta, mean": spectrum.beta.mean,
    "beta, spread": spectrum.beta.spread,
    "energy of theta at k*": spectrum.theta.meanCosineFit,
    "energy of xi at k*": spectrum.xi.meanCosineFit,
    "|mean e^{i phi}|": concentration(1),
    "|mean e^{2 i phi}|": concentration(2),
    "|mean e^{3 i phi}|": concentration(3),
    "|mean e^{4 i phi}|": concentration(4),
    "correct logit under x^2": voting?.correct,
    "spurious logit under x^2": voting?.spurious,
    "background logit under x^2": voting?.background,
    "spurious share under x^2": voting?.spuriousRatio,
    "spurious share of projected weights": projected?.spuriousRatio,
    "winners forecast at step 0": lottery.shareRight,
    "memorization ends at step": stages?.memorizationEnd,
    "generalization ends at step": stages?.generalizationEnd,
  };
}
