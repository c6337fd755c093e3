import { type LiveQuestion, progressEvent, sessionsEvent } from "../../messages/live.ts";
import { Metronome } from "../../sessions/metronome.ts";
import { progressWindow } from "../../sessions/progress-window.ts";
import type { Registry } from "../../sessions/registry.ts";
import { Roster } from "../../sessions/roster.ts";
import type { Session } from "../../sessions/session.ts";
import { watch } from "../../sessions/watch.ts";

/** What viewers are told, each event as the bytes of a LiveEvent without its subscription. */
export class Answers {
  readonly #registry: Registry;
  readonly #metronome = new Metronome();
  readonly #roster: Roster;

  constructor(registry: Registry) {
    this.#registry = registry;
    this.#roster = new Roster(() => ofPeople(registry.all()), this.#metronome);
  }

  /** Events are made when they are asked for: a viewer that takes none costs nothing. */
  async *to(question: LiveQuestion, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    if (question.kind === "sessions") {
      for await (const change of this.#roster.follow(question, signal)) yield sessionsEvent(change);
      return;
    }
    const session = this.#registry.get(question.session);
    if (question.kind === "window") {
      for await (const event of progressWindow(session, question, signal)) yield progressEvent(event);
      return;
    }
    const { intervalMs, ...options } = question;
    const pace = { metronome: this.#metronome, intervalMs };
    for await (const event of watch(session, { ...options, pace }, signal)) yield progressEvent(event);
  }
}

/** Without those that a sweep makes and deletes by the dozen. */
function ofPeople(sessions: Iterable<Session>): Session[] {
  return [...sessions].filter(({ identity }) => identity.sweep === undefined);
}
