/** How much of what a server takes on. */
export interface Limits {
  readonly maxSessions: number;
  readonly maxQueuedCommands: number;
  readonly maxSnapshotsPerSession: number;
  readonly retainedProgressPoints: number;
  /** Of states, snapshots and uploads together. */
  readonly maxStateBytes: number;
}
