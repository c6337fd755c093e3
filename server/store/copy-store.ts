import { Database, migrate, newFilePragmas } from "./database.ts";
import { examine, type Finding } from "./examine.ts";
import { LastEnd } from "./last-end.ts";
import type { Damage } from "./rows.ts";
import { asStoreError } from "./sqlite-error.ts";
import { StoreError } from "./store-error.ts";
import { insertInto, type Row, type Table, tables } from "./tables.ts";
import { UnfinishedFile } from "./unfinished-file.ts";

export interface CopyOptions {
  /** "fail": at the first damage, with CORRUPT. "skip": leave out what is damaged, and report it. */
  readonly onDamage: "fail" | "skip";
  /** Of 0 to 1, a few hundred times at most. */
  readonly onProgress?: (share: number) => void;
  /** Asked at every row. */
  readonly stopped?: () => boolean;
}

export interface CopyReport {
  /** Rows copied. */
  readonly copied: Readonly<Record<Table, number>>;
  /** Everything that was left out. */
  readonly damage: readonly Damage[];
}

/**
 * Copies every good row of a store, as it was at one moment, into a new store file: compact, without a WAL, and there under its name
 * only when it is complete and on disk.
 *
 * @throws StoreError EXISTS when `to` does; CORRUPT; CLOSED when stopped
 */
export function copyStore(source: Database, to: string, options: CopyOptions): CopyReport {
  const copying = copySteps(source, to, options);
  for (;;) {
    const { done, value } = copying.next();
    if (done) return value;
  }
}

/** The same, a row at a time, for those who have other things to do. */
export function* copySteps(
  source: Database,
  to: string,
  { onDamage, onProgress = () => {}, stopped = () => false }: CopyOptions,
): Generator<void, CopyReport> {
  let file: UnfinishedFile | undefined;
  try {
    file = new UnfinishedFile(to);
    const target = new Target(file.path);
    try {
      source.db.exec("BEGIN");
      const total = source.pragma("page_count") === 0 ? 0 : totalBytes(source);
      let copied = 0;
      let told = 0;
      for (const finding of examine(source, (content, position, data) =>
        target.array(content, position, data),
      )) {
        if (stopped()) throw new StoreError("CLOSED", `the copy to ${to} was stopped`);
        target.take(finding);
        const damage = target.damage[0];
        if (onDamage === "fail" && damage !== undefined) {
          throw new StoreError(
            "CORRUPT",
            `the store is damaged, and not copied: ${describe(damage)}`,
            damage,
          );
        }
        copied += Number(finding.row?.bytes ?? 0);
        if (copied - told > total / 200) {
          told = copied;
          onProgress(Math.min(1, copied / total));
        }
        yield;
      }
      // The WAL needs not grow while the disk takes the copy.
      source.rollback();
      target.commit();
      file.complete();
    } finally {
      source.rollback();
      target.close();
    }
    onProgress(1);
    return { copied: target.copied, damage: target.damage };
  } catch (error) {
    throw asStoreError(error, {}, "IO");
  } finally {
    file?.close();
  }
}

export function describe({ of, session, step, what }: Damage): string {
  if (of === "file" || session === undefined) return what;
  return `${of}${step === undefined ? "" : ` ${step}`} of session ${session}: ${what}`;
}

/** The file being written. Its rows keep their digests, and are not sealed anew. */
class Target {
  readonly #database: Database;
  readonly #sessions = new Set<string>();
  readonly #sweeps = new Set<string>();
  /** Contents whose arrays are there, since a head and a snapshot may share them. */
  readonly #contents = new Set<bigint>();
  readonly copied: Record<Table, number> = {
    sessions: 0,
    heads: 0,
    snapshots: 0,
    progress: 0,
    answers: 0,
    events: 0,
    sweeps: 0,
    sweep_runs: 0,
  };
  readonly damage: Damage[] = [];

  constructor(path: string) {
    this.#database = new Database(path);
    // Nobody sees the file before it is complete and synced, so it needs no journal on disk. (OFF is not to be had: node:sqlite is
    // defensive.) It is locked until it is closed: see `UnfinishedFile`.
    this.#database.db.exec(
      `${newFilePragmas}; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF`,
    );
    migrate(this.#database);
    this.#database.db.exec("BEGIN");
  }

  array(content: bigint, position: number, data: Uint8Array): void {
    if (this.#contents.has(content)) return;
    this.#database
      .sql("INSERT INTO arrays (content, position, data) VALUES (?, ?, ?)")
      .run(content, position, data);
  }

  take({ table, row, damage }: Finding): void {
    const isState = table === "heads" || table === "snapshots";
    const content = row?.content;
    const fault = damage ?? (row === undefined ? undefined : this.#insert(table, row));
    if (fault !== undefined) {
      this.damage.push(fault);
      if (isState && typeof content === "bigint" && !this.#contents.has(content)) {
        this.#database.sql("DELETE FROM arrays WHERE content = ?").run(content);
      }
      return;
    }
    this.copied[table] += 1;
    if (isState) this.#contents.add(content as bigint);
    if (table === "sessions") this.#sessions.add(row!.id as string);
    if (table === "sweeps") this.#sweeps.add(row!.id as string);
  }

  /** Returns why it was left out. */
  #insert(table: Table, row: Row): Damage | undefined {
    const belongs = table === "heads" || table === "snapshots" || table === "progress";
    const session = row.session as string;
    const of = table === "heads" ? "head" : table === "snapshots" ? "snapshot" : "progress";
    const step = row.step === undefined ? {} : { step: Number(row.step) };
    if (belongs && !this.#sessions.has(session)) {
      return {
        of,
        session,
        ...step,
        what: "left out, though intact, since the record of its session is damaged",
      };
    }
    if (table === "sweep_runs" && !this.#sweeps.has(row.sweep as string)) {
      return {
        of: "run",
        what: `run ${row.run} of sweep ${row.sweep} left out, though intact, since the record of its sweep is damaged`,
      };
    }
    try {
      const values = [...tables[table], "digest"].map((column) => row[column]!);
      this.#database.sql(insertInto(table)).run(...values);
    } catch (error) {
      if (asStoreError(error).kind !== "EXISTS") throw error;
      return { of: "file", what: `${table} has two rows of the same key` };
    }
    return undefined;
  }

  commit(): void {
    new LastEnd(this.#database).write("copy");
    this.#database.db.exec("COMMIT");
  }

  close(): void {
    this.#database.close();
  }
}

/** Of the arrays; 0 when that can't be read. */
function totalBytes(source: Database): number {
  const sum = (table: string) => Number(source.sql(`SELECT sum(bytes) AS n FROM ${table}`).get()!.n ?? 0);
  try {
    return sum("heads") + sum("snapshots");
  } catch {
    return 0;
  }
}
