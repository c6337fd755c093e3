import { InvalidArgumentError } from "commander";

/** `sessions/ID` of what a person types: that, or ID alone. */
export function sessionName(text: string): string {
  const [, id, step] = /^(?:sessions\/)?([^\s/@]+)(?:(?:\/snapshots\/|@)(\d+))?$/.exec(text) ?? [];
  if (id === undefined) throw new InvalidArgumentError("It must be ID or sessions/ID.");
  if (step !== undefined) {
    throw new InvalidArgumentError(
      `That is a snapshot. Give the session, ${id}; where a command looks at snapshots, with --at ${step}.`,
    );
  }
  return `sessions/${id}`;
}

/** `sessions/ID/snapshots/STEP` of what a person types: that, ID/snapshots/STEP or ID@STEP. */
export function snapshotName(text: string): string {
  const [, id, step] = /^(?:sessions\/)?([^\s/@]+)(?:\/snapshots\/|@)(\d+)$/.exec(text) ?? [];
  if (id === undefined || step === undefined) {
    throw new InvalidArgumentError("It must be ID@STEP or sessions/ID/snapshots/STEP.");
  }
  return `sessions/${id}/snapshots/${step}`;
}

/** What a person types for a session. */
export function idOf(name: string): string {
  return name.replace(/^sessions\//, "");
}
