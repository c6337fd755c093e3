import type { SweepRunRow } from "../../store/store.ts";
import type { Sweep } from "./sweep.ts";
import type { Sweeps } from "./sweeps.ts";

/** How often to tell how a sweep goes, while no run finishes. */
const progressMs = 1_000;
/** The same while runs finish, however quickly. */
const briskMs = 200;

/** Runs a message. */
const batchRuns = 64;

export type SweepEvent =
  | { readonly kind: "opened" }
  | { readonly kind: "runs"; readonly rows: readonly SweepRunRow[] }
  | { readonly kind: "progress" }
  | { readonly kind: "end"; readonly reason: "finished" | "cancelled" | "deleted" | "shutdown" };

/**
 * The finished runs of a sweep in the order in which they finished, from a sequence on, and how it goes. A watcher is a cursor: it
 * costs nothing while nobody takes the next event.
 *
 * @param from - first sequence wanted
 */
export async function* watchSweep(
  sweeps: Sweeps,
  sweep: Sweep,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<SweepEvent> {
  const { registry } = sweeps;
  const gone = AbortSignal.any([signal, registry.closing]);
  let next = from;
  let toldMs = Number.NEGATIVE_INFINITY;
  yield { kind: "opened" };
  while (!signal.aborted) {
    let hasNews = false;
    // Read before the runs are: what ends a stream comes after its last run.
    const { state, end } = sweep;
    const isClosing = registry.closing.aborted;
    const { newest } = sweep.ledger;
    if (next <= newest && state !== "deleted") {
      const { rows, last, hasMore } = await registry.store.readSweepRuns(sweep.id, next, batchRuns);
      hasNews = rows.length > 0;
      if (hasNews) yield { kind: "runs", rows };
      next = last + 1;
      if (hasMore) continue;
    }
    if (end !== undefined) {
      yield { kind: "end", reason: end };
      return;
    }
    if (isClosing) {
      yield { kind: "end", reason: "shutdown" };
      return;
    }
    if (performance.now() - toldMs >= (hasNews ? briskMs : progressMs)) {
      toldMs = performance.now();
      yield { kind: "progress" };
    }
    await sweep.changed(progressMs, gone);
  }
}
