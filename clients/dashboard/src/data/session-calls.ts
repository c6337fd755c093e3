import type { Grokbox, PresetInfo, ServerInfo, Session, SessionInfo } from "@grokbox/sdk";
import { snapshotSteps } from "./snapshot-steps.ts";

/** The id of sessions/{id}. */
export function idOf(name: string): string {
  return name.slice("sessions/".length);
}

export function isTraining({ state }: Pick<SessionInfo, "state">): boolean {
  return state === "running" || state === "stepping";
}

/** Whether the server takes a Run or a Step: from where it diverged, only another activation or an earlier state goes on. */
export function canTrain({ state }: Pick<SessionInfo, "state">): boolean {
  return state === "idle" || state === "paused";
}

/** Whether there is a run to pause: a Step is over when its steps are made. */
export function canPause({ state }: Pick<SessionInfo, "state">): boolean {
  return state === "running";
}

/** Steps between the points that a session started here records: a smooth curve from the beginning on, also where it is steep. */
const recordEvery = 10;

/** Where looking back is possible, memory for so many snapshots is well spent. */
const mostSnapshots = 400;

/** A published run, from its beginning to its usual end, with snapshots all along the way. */
export async function startPreset(
  grokbox: Grokbox,
  { limits }: Pick<ServerInfo, "limits">,
  { name, steps }: Pick<PresetInfo, "name" | "steps">,
  seed: number | undefined,
): Promise<Session> {
  const atSteps = snapshotSteps(steps, Math.min(mostSnapshots, limits.maxSnapshotsPerSession - 1));
  const session = await grokbox.start({
    preset: name,
    seed,
    recordEvery,
    snapshotSchedule: { atSteps, atStageChanges: true },
  });
  // The one state that no schedule keeps.
  await session.snapshot();
  await session.run({ untilStep: steps }).started;
  return session;
}

/** What a session is run to when nobody says: the end of its preset's run, or some way on from there. */
export function usualEnd(
  { step, preset }: Pick<SessionInfo, "step" | "preset">,
  presets: readonly PresetInfo[],
): number {
  const published = presets.find(({ name }) => name === preset)?.steps ?? 0;
  return step < published ? published : step + 10_000;
}

/** Goes on training. */
export async function runSession(grokbox: Grokbox, name: string, untilStep?: number): Promise<SessionInfo> {
  const session = await grokbox.session(name);
  const end = untilStep ?? usualEnd(session.info, (await grokbox.info()).presets);
  return session.run({ untilStep: end }).started;
}
