import type { Metronome } from "./metronome.ts";
import type { Session } from "./session.ts";

/** A session as it was at one look. */
export interface Sight {
  readonly session: Session;
}

export interface RosterChange {
  /** New and changed sessions; of one look, everybody gets the same objects. */
  readonly changed: readonly Sight[];
  /** Names of those that are gone, or are not asked for any more. */
  readonly removed: readonly string[];
  /** All sessions have been told of; what follows are changes. */
  readonly complete: boolean;
}

export interface RosterOptions {
  /** Only sessions that carry all of these. */
  readonly labels: Readonly<Record<string, string>>;
  readonly intervalMs: number;
}

/** Sessions of one change at most; a message must stay small. */
const changesAtOnce = 50;

/** Silence after which a follower is told that all is well. */
const heartbeatMs = 5_000;

/** How old a look may be to serve another follower. */
const lookAgeMs = 50;

interface Seen {
  readonly sight: Sight;
  readonly marks: readonly unknown[];
}

/** What becomes of all sessions: looked at on the beat, once for everybody who follows. */
export class Roster {
  readonly #sessions: () => Iterable<Session>;
  readonly #metronome: Metronome;
  #seen = new Map<string, Seen>();
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(sessions: () => Iterable<Session>, metronome: Metronome) {
    this.#sessions = sessions;
    this.#metronome = metronome;
  }

  /** First all sessions, newest first, then those that change, until `signal` aborts. A follower that does not read costs nothing. */
  async *follow({ labels, intervalMs }: RosterOptions, signal: AbortSignal): AsyncGenerator<RosterChange> {
    const told = new Map<string, Sight>();
    const wanted = Object.entries(labels);
    let complete = false;
    let spoke = performance.now();
    while (!signal.aborted) {
      const changed: Sight[] = [];
      const present = new Set<string>();
      let more = false;
      for (const sight of this.#look()) {
        const { session } = sight;
        if (!wanted.every(([key, value]) => session.labels[key] === value)) continue;
        present.add(session.name);
        if (told.get(session.name) === sight) continue;
        if (changed.length === changesAtOnce) {
          more = true;
          continue;
        }
        told.set(session.name, sight);
        changed.push(sight);
      }
      const removed = [...told.keys()].filter((name) => !present.has(name));
      for (const name of removed) told.delete(name);
      const becomesComplete = !more && !complete;
      complete ||= !more;
      if (
        changed.length > 0 ||
        removed.length > 0 ||
        becomesComplete ||
        performance.now() - spoke >= heartbeatMs
      ) {
        spoke = performance.now();
        yield { changed, removed, complete };
      }
      if (!more) await this.#metronome.beat(intervalMs);
    }
  }

  /** All sessions, newest first; one that has not changed since the last look is the same object as then. */
  #look(): Sight[] {
    if (performance.now() - this.#lookedMs > lookAgeMs) {
      const now = new Map<string, Seen>();
      for (const session of this.#sessions()) {
        const marks = marksOf(session);
        const seen = this.#seen.get(session.name);
        const isSame = seen !== undefined && marks.every((mark, i) => mark === seen.marks[i]);
        now.set(session.name, isSame ? seen : { sight: { session }, marks });
      }
      this.#seen = now;
      this.#lookedMs = performance.now();
    }
    return [...this.#seen.values()].reverse().map(({ sight }) => sight);
  }
}

/** What changes whenever anything does that is told of a session. */
function marksOf(session: Session): readonly unknown[] {
  const { keeper, training, log } = session;
  return [
    session,
    session.epoch,
    session.state,
    session.step,
    session.spec,
    session.labels,
    session.events,
    session.schedule,
    session.measures,
    session.stopReason,
    session.plan,
    session.triggers.all,
    log.newest,
    training.stages.memorizationEnd,
    training.stages.generalizationEnd,
    keeper.commitTimeMs,
    keeper.alarm,
  ];
}
