import { GrokkingStep } from "../../model/grokking-step.ts";
import type { Analyst } from "../analyst.ts";
import { forecast, initialWeights } from "../dynamics.ts";
import type { Reason } from "../errors.ts";
import { isPlanned, type RunPlan } from "../plan.ts";
import type { ProgressPoint } from "../progress-log.ts";
import type { Session } from "../session.ts";
import type { StopKind } from "../stop-reason.ts";
import { CurveBuilder } from "./curve.ts";

/** How a run ended: it reached the plan's last step or a stop condition, diverged, could not go on, or its spec is none. */
export type Outcome = "target" | "condition" | "diverged" | "failed" | "invalid";

/** What a sweep keeps of a run, with its curve. It depends on nothing but the spec and the plan. Plain data, as it is stored. */
export interface RunSummary {
  readonly outcome: Outcome;
  /** Why it ended, for people. */
  readonly detail: string;
  /** Updates made. */
  readonly step: number;
  /** As of the session at its end; see `model/stages.ts`. */
  readonly memorizationEnd?: number;
  readonly generalizationEnd?: number;
  /** First recorded step from which test accuracy stays at 0.99 or more. */
  readonly grokkingStep?: number;
  /** Of the last state; see `pointOf`. */
  readonly final?: StoredPoint;
  /** Share of neurons whose dominant frequency at the end was forecast from the weights of step 0. */
  readonly forecastRight?: number;
  /** sessions/{id} of the run, where it stays. */
  readonly session?: string;
}

/** A point without its sequence, as JSON keeps it: a number that is not finite, as a norm just before a run diverges, is its name. */
export type StoredPoint = Readonly<Record<string, number | string>>;

/** Points that are looked at before others have a turn. */
const pointsATurn = 2_048;

export interface RunEnd {
  readonly outcome: Outcome;
  readonly detail: string;
}

/**
 * The end of a run, when it has one: what was only interrupted has none.
 *
 * @param isPassing - what made it fail will end by itself
 */
export function endOf(session: Session, isPassing: (cause: Reason) => boolean): RunEnd | undefined {
  const { plan, stopReason } = session;
  const outcome = stopReason && outcomes[stopReason.kind];
  if (plan !== undefined || outcome === undefined) return undefined;
  if (stopReason?.cause !== undefined && isPassing(stopReason.cause)) return undefined;
  return { outcome, detail: stopReason!.detail };
}

const outcomes: Partial<Record<StopKind, Outcome>> = {
  target: "target",
  condition: "condition",
  diverged: "diverged",
  failed: "failed",
};

/** Of a session whose run has ended. */
export async function summarize(
  session: Session,
  { outcome, detail }: RunEnd,
  plan: RunPlan,
  grid: readonly number[],
  analyst: Analyst,
  signal: AbortSignal,
): Promise<{ readonly summary: RunSummary; readonly curve: Uint8Array }> {
  const grokking = new GrokkingStep();
  const curve = new CurveBuilder(grid);
  const { latest, newest } = session.log;
  for (let from = 1; from <= newest; from += pointsATurn) {
    const points = await session.withLog((log) => log.read(from, pointsATurn));
    for (const point of points.filter(({ sequence }) => sequence < from + pointsATurn)) {
      // What was recorded only because the run was interrupted there must not show.
      if (point.step !== session.step && point.step !== 0 && !isPlanned(plan, point.step, nothing)) continue;
      grokking.observe(point.step, point.testAccuracy);
      curve.observe(point);
    }
  }
  const { memorizationEnd, generalizationEnd } = session.training.stages;
  const forecastRight = await forecastShare(session, analyst, signal);
  const summary: RunSummary = {
    outcome,
    detail,
    step: session.step,
    ...(memorizationEnd === undefined ? {} : { memorizationEnd }),
    ...(generalizationEnd === undefined ? {} : { generalizationEnd }),
    ...(grokking.step === undefined ? {} : { grokkingStep: grokking.step }),
    ...(latest === undefined ? {} : { final: storedPoint(latest) }),
    forecastRight,
  };
  return { summary, curve: curve.bytes() };
}

const nothing = { nextSnapshot: () => Number.POSITIVE_INFINITY, looksAtRecords: false };

async function forecastShare(session: Session, analyst: Analyst, signal: AbortSignal): Promise<number> {
  const begin = await initialWeights({ analyst }, session.spec, signal);
  const end = await session.present(undefined, signal);
  return (await forecast({ analyst }, begin, end, signal)).shareRight;
}

function storedPoint({ sequence: _, ...point }: ProgressPoint): StoredPoint {
  return Object.fromEntries(
    Object.entries(point).map(([name, value]) => [
      name,
      typeof value === "number" && !Number.isFinite(value) ? String(value) : value,
    ]),
  );
}

/** The point that was stored, with sequence 0. */
export function pointOf(stored: StoredPoint): ProgressPoint {
  const values = Object.entries(stored).map(([name, value]) => [
    name,
    name === "stage" ? value : Number(value),
  ]);
  return { ...Object.fromEntries(values), sequence: 0 };
}
