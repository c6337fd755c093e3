import type { Database } from "./database.ts";
import { damageOf } from "./reads.ts";
import type { Damage, LoadedSweep, SweepRunPage, SweepRuns } from "./rows.ts";
import { sweepFromRow, sweepRunFromRow } from "./small-rows.ts";
import { asStoreError } from "./sqlite-error.ts";
import { intact, type Row } from "./tables.ts";

/** All sweeps by ordinal, with which of their runs have finished; those whose record is damaged are left out, and named. */
export function loadSweeps(database: Database): { sweeps: LoadedSweep[]; damaged: Damage[] } {
  const damaged: Damage[] = [];
  const sweeps: LoadedSweep[] = [];
  for (const row of database.sql("SELECT * FROM sweeps ORDER BY ordinal").all() as Row[]) {
    const damage = damageOf("sweeps", row);
    if (damage !== undefined) {
      damaged.push(damage);
      continue;
    }
    // Not verified, which would take reading all curves: a run is verified when it is read.
    const runs = database
      .sql("SELECT run, sequence, outcome, steps FROM sweep_runs WHERE sweep = ? ORDER BY run")
      .all(row.id!) as Row[];
    sweeps.push({
      row: sweepFromRow(row),
      runs: runs.map(({ run }) => Number(run)),
      sequences: runs.map(({ sequence }) => Number(sequence)),
      outcomes: runs.map(({ outcome }) => String(outcome)),
      steps: runs.map(({ steps }) => Number(steps)),
    });
  }
  return { sweeps, damaged };
}

/** Finished runs in the order in which they finished, from `sequence` on. */
export function readSweepRuns(
  database: Database,
  sweep: string,
  sequence: number,
  limit: number,
): SweepRunPage {
  let last = sequence - 1;
  let count = 0;
  const runs = verified(() => {
    // Of the index alone, since a damaged row may have another sequence than the one that it is found by.
    const places = database
      .sql(
        "SELECT rowid AS row_id, sequence FROM sweep_runs WHERE sweep = ? AND sequence >= ? ORDER BY sequence LIMIT ?",
      )
      .all(sweep, sequence, limit) as Row[];
    count = places.length;
    last = Number(places.at(-1)?.sequence ?? last);
    const row = database.sql("SELECT * FROM sweep_runs WHERE rowid = ?");
    return places.map(({ row_id }) => row.get(row_id!)).filter((found) => found !== undefined);
  });
  return { ...runs, last, hasMore: count === limit };
}

/** Those finished runs whose number is `first` to `end` - 1, in that order. */
export function readSweepRange(database: Database, sweep: string, first: number, end: number): SweepRuns {
  return verified(() =>
    database
      .sql("SELECT * FROM sweep_runs WHERE sweep = ? AND run >= ? AND run < ? ORDER BY run")
      .all(sweep, first, end),
  );
}

function verified(read: () => unknown): SweepRuns {
  try {
    const all = read() as Row[];
    const good = all.filter((row) => intact("sweep_runs", row));
    const damaged = all.filter((row) => !good.includes(row)).map(({ run }) => Number(run));
    return { rows: good.map(sweepRunFromRow), damaged };
  } catch (error) {
    throw asStoreError(error);
  }
}
