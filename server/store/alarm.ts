import type { Commit } from "./rows.ts";
import type { StoreError, StoreErrorKind } from "./store-error.ts";

/** The store can't be written. */
export interface Alarm {
  /** Why, as it was found out first. */
  readonly error: StoreError;
  /** Id of the session that could not be stored; undefined when it was something else, or a session that was to be made. */
  readonly session: string | undefined;
}

/** For these it is the store that is at fault, and not what was to be written. */
const kinds: ReadonlySet<StoreErrorKind> = new Set(["FULL", "IO", "CORRUPT", "CLOSED"]);

/**
 * Whether the store can be written, by how its commits end. A small commit may find room where a large one does not: so a session that
 * could not be stored keeps the alarm up until it is, and anything else until any commit works, as nobody may try it again.
 */
export class AlarmWatch {
  readonly #onChange: (alarm: Alarm | undefined) => void;
  /** That the store has. */
  readonly #sessions = new Set<string>();
  readonly #unstored = new Map<string, Alarm>();
  #other: Alarm | undefined;

  /** @param onChange - is told when an alarm begins, and when it has ended */
  constructor(onChange: (alarm: Alarm | undefined) => void) {
    this.#onChange = onChange;
  }

  get alarm(): Alarm | undefined {
    const [first] = this.#unstored.values();
    return first ?? this.#other;
  }

  loaded(sessions: readonly { readonly id: string }[]): void {
    for (const { id } of sessions) this.#sessions.add(id);
  }

  worked({ putSessions = [], deleteSessions = [] }: Commit): void {
    const before = this.alarm;
    for (const { id } of putSessions) {
      this.#sessions.add(id);
      this.#unstored.delete(id);
    }
    for (const id of deleteSessions) {
      this.#sessions.delete(id);
      this.#unstored.delete(id);
    }
    this.#other = undefined;
    if (before !== undefined && this.alarm === undefined) this.#onChange(undefined);
  }

  failed({ putSessions: [row] = [] }: Commit, error: StoreError): void {
    if (!kinds.has(error.kind)) return;
    const before = this.alarm;
    // Other sessions in it go along with the first.
    const session = row !== undefined && this.#sessions.has(row.id) ? row.id : undefined;
    const alarm = { error, session };
    if (session === undefined) this.#other ??= alarm;
    else if (!this.#unstored.has(session)) this.#unstored.set(session, alarm);
    if (before === undefined) this.#onChange(alarm);
  }
}
