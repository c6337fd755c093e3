import type { Lineage as LineageMessage } from "@grokbox/proto/retention";
import { type Changes, fromChanges } from "./changes.ts";

/** Where a session was forked from. */
export interface Lineage {
  /** sessions/{id}/snapshots/{step}; it may have been deleted since. */
  readonly snapshot: string;
  /** What was changed. */
  readonly changes: Changes;
}

export function fromLineage({ snapshot, changes }: LineageMessage): Lineage {
  return { snapshot, changes: fromChanges(changes) };
}
