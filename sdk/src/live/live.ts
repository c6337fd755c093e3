import { parseOrigin } from "../address.ts";
import { Backoff, type BackoffOptions } from "../backoff.ts";
import { GrokboxError } from "../error.ts";
import { type Known, refuseUnknown } from "../known-keys.ts";
import type { Asking } from "./asking.ts";
import { Link, type LinkState } from "./link.ts";
import { type LiveProgress, type LiveWatchOptions, watchLive } from "./progress.ts";
import { type LiveSessionsOptions, type SessionsChange, watchSessions } from "./sessions.ts";
import { askWindow, type LiveWindow, type LiveWindowOptions } from "./window.ts";

export interface LiveOptions {
  /** @default the global one, which browsers and Node 22 and later have; the package `ws` has one for Node 20 */
  readonly webSocket?: typeof WebSocket | undefined;
  /** Waits between attempts to connect. There are attempts for as long as something is asked. */
  readonly backoff?: BackoffOptions | undefined;
}

const keys: Known<LiveOptions> = { webSocket: true, backoff: true };

/**
 * A live connection to a server's web port: any number of sessions over one WebSocket. It connects when something is asked, and again
 * whenever it breaks; what is watched goes on where it was, without a hole. An option that there is not is refused with INVALID_FIELD.
 *
 * @example
 * using live = Live.connect("localhost:8080");
 * for await (const event of live.watch(session.name, { from: 1, maxPoints: 1_000 })) series.take(event);
 */
export class Live implements Disposable {
  readonly #link: Link;
  readonly #asking: Asking;
  readonly #listeners = new Set<(state: LinkState) => void>();
  #state: LinkState = "idle";

  private constructor(url: string, socketClass: typeof WebSocket, backoff: Backoff) {
    this.#link = new Link(url, socketClass, (state) => this.#become(state));
    this.#asking = { link: this.#link, backoff };
  }

  /**
   * @param address - of the web port: http://localhost:8080, or host:port; no port stands for 8080
   * @throws INVALID_FIELD for what is no address
   */
  static connect(address: string, options: LiveOptions = {}): Live {
    refuseUnknown(options, keys);
    const url = new URL("/live", parseOrigin(address));
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socketClass = options.webSocket ?? globalThis.WebSocket;
    if (socketClass === undefined) {
      throw new GrokboxError(
        "there is no WebSocket here: give one as the option webSocket, such as that of ws",
        {
          code: "FAILED_PRECONDITION",
        },
      );
    }
    return new Live(url.href, socketClass, new Backoff(options.backoff));
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Tells of every change of `state`. Returns what ends that. */
  onState(listener: (state: LinkState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * The progress of a session in batches, by default every point that is recorded from now on. `ProgressSeries` holds what it tells.
   *
   * @param session - sessions/{id}
   * @throws SESSION_NOT_FOUND; SESSION_DELETED when it is deleted meanwhile
   */
  watch(session: string, options: LiveWatchOptions = {}): AsyncGenerator<LiveProgress, void, undefined> {
    return watchLive(this.#asking, session, options);
  }

  /** The recorded points between two steps. */
  window(session: string, options: LiveWindowOptions): Promise<LiveWindow> {
    return askWindow(this.#asking, session, options);
  }

  /** All sessions, then those that change. */
  sessions(options: LiveSessionsOptions = {}): AsyncGenerator<SessionsChange, void, undefined> {
    return watchSessions(this.#asking, options);
  }

  /** Ends what is watched, with the reason CLOSED. Idempotent. */
  close(): void {
    this.#link.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #become(state: LinkState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }
}
