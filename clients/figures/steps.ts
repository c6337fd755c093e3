import type { Session } from "@grokbox/sdk";

/**
 * The steps of a published figure in a run that ends at `end`: the same when it comes so far, else at the same shares of it.
 *
 * @param steps - increasing
 */
export function scaledSteps(steps: readonly number[], end: number): number[] {
  const last = Math.max(1, ...steps);
  const scale = Math.min(1, end / last);
  return [...new Set(steps.map((step) => Math.round(step * scale)))];
}

/** Steps of a session's snapshots, increasing. */
export async function keptSteps(session: Session, signal: AbortSignal | undefined): Promise<number[]> {
  const steps: number[] = [];
  for await (const { step } of session.snapshots({ signal })) steps.push(step);
  return steps.sort((a, b) => a - b);
}
