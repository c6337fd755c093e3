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

/** A session, or its snapshot at a step. */
export interface StateName {
  /** sessions/{id} */
  readonly session: string;
  readonly step: number | undefined;
}

/** The state that a person names: ID or sessions/ID for the present one, ID@STEP or sessions/ID/snapshots/STEP for a snapshot. */
export function stateName(text: string): StateName {
  const [, id, step] = /^(?:sessions\/)?([^\s/@]+)(?:(?:\/snapshots\/|@)(\d+))?$/.exec(text) ?? [];
  if (id === undefined) throw new InvalidArgumentError("It must be ID or ID@STEP.");
  return { session: `sessions/${id}`, step: step === undefined ? undefined : Number(step) };
}

/** The snapshot that a person names: ID@STEP, ID/snapshots/STEP or sessions/ID/snapshots/STEP. */
export function snapshotOf(text: string): StateName & { readonly step: number } {
  const { session, step } = stateName(text);
  if (step !== undefined) return { session, step };
  throw new InvalidArgumentError("It must be ID@STEP or sessions/ID/snapshots/STEP.");
}

/** sessions/ID/snapshots/STEP of the same. */
export function snapshotName(text: string): string {
  return nameOf(snapshotOf(text));
}

/** sessions/ID, or sessions/ID/snapshots/STEP */
export function nameOf({ session, step }: StateName): string {
  return step === undefined ? session : `${session}/snapshots/${step}`;
}

/** What a person types for a session, ID, or for a snapshot, ID@STEP. */
export function idOf(name: string): string {
  return name.replace(/^sessions\//, "").replace("/snapshots/", "@");
}
