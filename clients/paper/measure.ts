import type { Grokbox, Session } from "@grokbox/sdk";
import { type CurveRow, rowOf } from "./curve.ts";
import { type EndState, measureEnd, type TableActivation, tableActivations } from "./end-state.ts";
import type { RunOptions } from "./options.ts";
import { recordedSteps } from "./recorded-steps.ts";

/** What a run gave: the object that `--json` prints. */
export interface PaperResult {
  readonly run: string;
  readonly engine: string;
  readonly steps: number;
  readonly seed: number;
  /** Of the run alone, from starting it to its end. */
  readonly seconds: number;
  readonly stepsPerSecond: number;
  /** Every hundredth step, each of `recordedSteps`, and the last. */
  readonly curve: readonly CurveRow[];
  /** Accuracy over all pairs at the last step under each activation. */
  readonly activations: Readonly<Record<TableActivation, number>>;
}

/** A result, and of the last state what only people are told. */
export interface Measured extends PaperResult {
  /** The engine's device. */
  readonly device: string;
  readonly end: EndState;
}

const recordEvery = 100;

/**
 * Makes a published run's updates on a server and measures it on the way.
 *
 * @param onStep - is told of the steps recorded
 */
export async function measure(
  box: Grokbox,
  options: RunOptions,
  onStep: (step: number) => void,
  signal: AbortSignal,
): Promise<Measured> {
  const { run: preset, steps, seed, engine, engineAsked } = options;
  await using session = await box.start({ preset, seed, engine, recordEvery, signal });
  const { latest } = session.info;
  const curve = latest === undefined ? [] : [rowOf(latest)];
  const recordAt = recordedSteps(preset, steps);
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

/** Fails when a run ended before its steps were made. */
export async function checkEnd(session: Session, signal: AbortSignal, steps: number): Promise<void> {
  const { step, stopReason } = await session.refresh({ signal });
  if (step !== steps)
    throw new Error(`the run stopped at step ${step}: ${stopReason?.detail ?? "no reason given"}`);
}
