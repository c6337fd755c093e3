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
    const isWanted = ({ session }: Sight) =>
      session.state !== "deleted" && wanted.every(([key, value]) => session.labels[key] === value);
    let complete = false;
    let spoke = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      const sights = this.#look().filter(isWanted);
      const present = new Set(sights.map(({ session }) => session.name));
      let removed = [...told.keys()].filter((name) => !present.has(name));
      for (const name of removed) told.delete(name);
      // All of one look before the next one: else those that change all the time would keep the others from being told of.
      const news = sights.filter((sight) => told.get(sight.session.name) !== sight);
      if (news.length > 0 || removed.length > 0 || performance.now() - spoke >= heartbeatMs) {
        do {
          // Whoever takes its time may come for the next ones when they are gone.
          const changed = news.splice(0, changesAtOnce).filter(isWanted);
          for (const sight of changed) told.set(sight.session.name, sight);
          complete ||= news.length === 0;
          spoke = performance.now();
          yield { changed, removed, complete };
          removed = [];
        } while (news.length > 0 && !signal.aborted);
      }
      await this.#metronome.beat(intervalMs, signal);
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
