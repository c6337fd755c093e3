import type { SessionInfo } from "@grokbox/sdk";
import type { Live } from "@grokbox/sdk/live";
import { Answered } from "./answered.ts";
import { Changes } from "./changes.ts";
import { StepRate } from "./step-rate.ts";

/** All sessions of the server, as they are now. */
export class SessionList extends Changes {
  readonly #sessions = new Map<string, SessionInfo>();
  readonly #rates = new Map<string, StepRate>();
  /** Of calls that were answered just now. */
  readonly #answered = new Map<string, Answered>();
  /** Seen since the connection was made anew; undefined when all that is held is confirmed. */
  #confirmed: Set<string> | undefined = new Set();
  #isComplete = false;

  /** @param onFailure - told of what is no broken connection: those are mended */
  constructor(live: Live, onFailure: (error: unknown) => void) {
    super();
    this.#follow(live).catch(onFailure);
  }

  /** Whether all of them are known; not so for a moment after the page was opened. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Newest first. */
  get all(): SessionInfo[] {
    const age = ({ createTime }: SessionInfo) => createTime?.getTime() ?? 0;
    return [...this.#sessions.values()].sort((a, b) => age(b) - age(a) || (a.name < b.name ? 1 : -1));
  }

  get(name: string): SessionInfo | undefined {
    return this.#sessions.get(name);
  }

  /** Of a session that trains, steps a second. */
  rateOf(name: string): number | undefined {
    return this.#rates.get(name)?.perSecond;
  }

  /** What the answer to a call told, before the server tells everybody. */
  put(info: SessionInfo): void {
    const answered = new Answered(info, performance.now());
    this.#answered.set(info.name, answered);
    setTimeout(() => this.#settle(info.name, answered), answered.remainsMs(performance.now()));
    this.#take(info);
    this.tell();
  }

  #settle(name: string, answered: Answered): void {
    // Another call has been answered meanwhile.
    if (this.#answered.get(name) !== answered) return;
    this.#answered.delete(name);
    if (answered.withheld === undefined || !this.#sessions.has(name)) return;
    this.#take(answered.withheld);
    this.tell();
  }

  async #follow(live: Live): Promise<void> {
    for await (const { changed, removed, complete, reset } of live.sessions()) {
      // What is held stays in sight meanwhile: a restart of the server is no reason for the page to go blank.
      if (reset) this.#confirmed = new Set();
      for (const info of changed) {
        if (!this.#answered.get(info.name)?.withholds(info, performance.now())) this.#take(info);
        this.#confirmed?.add(info.name);
      }
      for (const name of removed) this.#drop(name);
      if (complete) {
        for (const name of this.#confirmed === undefined ? [] : [...this.#sessions.keys()]) {
          if (!this.#confirmed!.has(name)) this.#drop(name);
        }
        this.#confirmed = undefined;
        this.#isComplete = true;
      }
      this.tell();
    }
  }

  #take(info: SessionInfo): void {
    this.#sessions.set(info.name, info);
    const rate = this.#rates.get(info.name) ?? new StepRate();
    this.#rates.set(info.name, rate);
    if (info.state === "running" || info.state === "stepping") rate.hear(info.step, performance.now());
    else rate.reset();
  }

  #drop(name: string): void {
    this.#sessions.delete(name);
    this.#rates.delete(name);
    this.#answered.delete(name);
  }
}
