import type { ProgressPoint, Session } from "@grokbox/sdk";

/** The points that a session has recorded so far, oldest first, the newest `most` of them. */
export async function history(session: Session, most: number, signal: AbortSignal): Promise<ProgressPoint[]> {
  const newest = session.info.latest?.sequence ?? 0;
  const points: ProgressPoint[] = [];
  if (newest === 0) return points;
  for await (const event of session.watch({ from: Math.max(1, newest - most + 1), signal })) {
    if (event.kind === "reset") break;
    if (event.kind === "point") points.push(event);
    if (event.kind === "point" && event.sequence >= newest) break;
  }
  return points;
}
