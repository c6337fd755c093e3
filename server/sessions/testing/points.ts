import type { ProgressPoint } from "../progress-log.ts";
import type { Session } from "../session.ts";
import { unrepeated } from "./registry.ts";

const never = new AbortController().signal;

export function advance(session: Session, steps: number): Promise<unknown> {
  return session.advanceBy({ steps, expectedStep: undefined, receipt: unrepeated() }, never);
}

export async function atRest(session: Session): Promise<void> {
  while (session.isTraining) await session.log.changed(1_000, never);
}

export function pointsOf(session: Session): Promise<readonly ProgressPoint[]> {
  return session.withLog((log) => log.read(1, 100_000));
}

/** Of those that carry a measure. */
export function stepsWith(points: readonly ProgressPoint[], measure: keyof ProgressPoint): number[] {
  return points.filter((point) => point[measure] !== undefined).map(({ step }) => step);
}
