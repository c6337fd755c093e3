import type { Grokbox, Session } from "@grokbox/sdk";
import { analyseGrokking, grokkingSnapshots } from "./analyses/grokking.ts";
import { analyseQuadratic, analyseRelu, quadraticSnapshots } from "./analyses/single-frequency.ts";
import { analyseSpec } from "./analyses/spec.ts";
import { analyseStandard, standardSnapshots } from "./analyses/standard.ts";
import { analyseTheory } from "./analyses/theory.ts";
import { type CurveRow, rowOf } from "./curve.ts";
import { type EndState, measureEnd } from "./end-state.ts";
import { checkEnd } from "./measure.ts";
import type { Measurements } from "./measurements.ts";
import { recordedSteps } from "./recorded-steps.ts";
import { type RunName, runNames, scaledSteps, unfit } from "./runs.ts";

export interface StudyOptions {
  /** p */
  readonly modulus: number;
  readonly seed: number;
  /** For the sessions; undefined for the server's choice. */
  readonly engine: string | undefined;
  /** Updates of the longest run; the others make theirs in proportion. */
  readonly longest: number;
}

/** A run that was made. */
export interface FinishedRun {
  readonly name: RunName;
  /** At its end, and still on the server, with its snapshots. */
  readonly session: Session;
  /** Seconds from the start of all runs to the end of this one. */
  readonly seconds: number;
  readonly curve: readonly CurveRow[];
  readonly end: EndState;
}

/** What is told while the runs go on. */
export interface StudyObserver {
  started(name: RunName, steps: number): void;
  reached(name: RunName, step: number): void;
  finished(name: RunName, last: CurveRow, seconds: number): void;
}

export interface StudyPlan {
  readonly runs: readonly { readonly name: RunName; readonly steps: number }[];
  readonly skipped: readonly { readonly run: RunName; readonly reason: string }[];
}

/** Which runs are made at this p, with how many updates. */
export function planStudy({ modulus, longest }: Pick<StudyOptions, "modulus" | "longest">): StudyPlan {
  const reasons = runNames.map((run) => ({ run, reason: unfit(run, modulus) }));
  return {
    runs: reasons.flatMap(({ run, reason }) =>
      reason === undefined ? [{ name: run, steps: scaledSteps(run, longest) }] : [],
    ),
    skipped: reasons.flatMap(({ run, reason }) => (reason === undefined ? [] : [{ run, reason }])),
  };
}

/** What is measured at the end of each run, and which snapshots that needs. */
const analyses: Readonly<
  Record<
    RunName,
    {
      readonly snapshots: readonly number[];
      readonly analyse: (session: Session, into: Measurements, signal: AbortSignal) => Promise<EndState>;
    }
  >
> = {
  standard: { snapshots: standardSnapshots, analyse: analyseStandard },
  grokking: { snapshots: grokkingSnapshots, analyse: analyseGrokking },
  quad_random: { snapshots: [], analyse: analyseEnd("quad_random") },
  quad_random_sgd: { snapshots: [], analyse: analyseEnd("quad_random_sgd") },
  relu_random_sgd: { snapshots: [], analyse: analyseEnd("relu_random_sgd") },
  quad_single_freq: { snapshots: quadraticSnapshots, analyse: analyseQuadratic },
  relu_single_freq: { snapshots: [], analyse: analyseRelu },
};

function analyseEnd(of: RunName) {
  return async (session: Session, into: Measurements, signal: AbortSignal): Promise<EndState> => {
    const state = await measureEnd(session, signal);
    into.add(of, `step ${session.info.step}`, state);
    return state;
  };
}

const recordEvery = 100;

export interface StudyParts {
  readonly box: Grokbox;
  readonly into: Measurements;
  readonly observer: StudyObserver;
  readonly signal: AbortSignal;
  /** Snapshots to keep of a run besides those that its numbers need, 0 to its end. */
  snapshots(name: RunName, end: number): readonly number[];
  /** Is told of a run as soon as it is made and measured, while the others go on. */
  made(run: FinishedRun): Promise<void>;
}

/**
 * Makes all runs at once, each in the background on the server, and measures each as soon as it ends. What needs no run is measured
 * meanwhile.
 *
 * @returns seconds from the start of the runs to the end of the last one
 */
export async function study(plan: StudyPlan, options: StudyOptions, parts: StudyParts): Promise<number> {
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  const ends: number[] = [];
  const failed = new AbortController();
  const signal = AbortSignal.any([parts.signal, failed.signal]);
  const work = [
    analyseTheory(parts.box, parts.into, signal),
    ...plan.runs.map(async ({ name, steps }) => {
      const { session, curve } = await makeRun(name, steps, options, { ...parts, signal });
      const after = seconds();
      ends.push(after);
      parts.observer.finished(name, curve.at(-1)!, after);
      parts.into.addCurve(name, curve);
      analyseSpec(name, session.info, parts.into);
      const end = await analyses[name].analyse(session, parts.into, signal);
      await parts.made({ name, session, seconds: after, curve, end });
    }),
  ];
  // The first failure is the one to tell; the others end with it.
  await Promise.all(work).catch(async (error) => {
    failed.abort(error);
    await Promise.allSettled(work);
    throw error;
  });
  return Math.max(0, ...ends);
}

async function makeRun(
  name: RunName,
  steps: number,
  { modulus, seed, engine }: StudyOptions,
  { box, observer, signal, snapshots }: StudyParts,
): Promise<{ session: Session; curve: CurveRow[] }> {
  const session = await box.start({ preset: name, modulus, seed, engine, recordEvery, signal });
  const wanted = new Set([...analyses[name].snapshots, ...snapshots(name, steps)]);
  if (wanted.has(0)) await session.snapshot({ signal });
  const snapshotAt = [...wanted].filter((step) => step > 0 && step <= steps).sort((a, b) => a - b);
  const { latest } = session.info;
  const curve = latest === undefined ? [] : [rowOf(latest)];
  const run = session.run({ untilStep: steps, snapshotAt, recordAt: recordedSteps(name, steps), signal });
  observer.started(name, steps);
  for await (const point of run) {
    if (point.gapBefore !== undefined) throw new Error("the server's history is too short for this run");
    curve.push(rowOf(point));
    observer.reached(name, point.step);
  }
  await checkEnd(session, signal, steps);
  return { session, curve };
}
