import type { ProgressPoint, Session } from "@grokbox/sdk";
import type { Call } from "./call.ts";

/** The points that a session has recorded so far, oldest first, the newest `most` of them. */
export async function history(
  session: Session,
  most: number,
  limits: Call["limits"],
): Promise<ProgressPoint[]> {
  const newest = session.info.latest?.sequence ?? 0;
  const points: ProgressPoint[] = [];
  if (newest === 0) return points;
  for await (const point of session.history({ ...limits, from: Math.max(1, newest - most + 1) })) {
    points.push(point);
  }
  return points;
}
