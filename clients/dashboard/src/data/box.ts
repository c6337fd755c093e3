import { Grokbox } from "@grokbox/sdk";
import { Live } from "@grokbox/sdk/live";
import { Announcer } from "./announcer.ts";
import { Problems } from "./problems.ts";
import { ServerFacts } from "./server-facts.ts";
import { SessionList } from "./session-list.ts";
import { SweepList } from "./sweep-list.ts";

/** What all of the page shares: the connections to the server that it came from, and what is known of it. */
export class Box {
  readonly live: Live;
  readonly sessions: SessionList;
  readonly sweeps: SweepList;
  readonly server: ServerFacts;
  readonly problems = new Problems();
  readonly announcer = new Announcer();
  readonly #address: string;
  #connecting: Promise<Grokbox> | undefined;

  constructor(address: string) {
    this.#address = address;
    this.live = Live.connect(address);
    this.sessions = new SessionList(this.live, (error) =>
      this.problems.show("Can't follow the sessions", error),
    );
    this.sweeps = new SweepList(
      () => this.connect(),
      (error) => this.problems.show("Can't ask for the sweeps", error),
    );
    this.server = new ServerFacts(
      this.live,
      () => this.connect(),
      (error) => this.problems.show("Can't ask what the server can do", error),
    );
  }

  /** For calls; an attempt that failed is made again by the next one who asks. */
  connect(): Promise<Grokbox> {
    this.#connecting ??= Grokbox.connect(this.#address).catch((error: unknown) => {
      this.#connecting = undefined;
      throw error;
    });
    return this.#connecting;
  }

  /** Does something for a person, and shows why when it fails. */
  async attempt<T>(what: string, work: (grokbox: Grokbox) => Promise<T>): Promise<T | undefined> {
    try {
      return await work(await this.connect());
    } catch (error) {
      this.problems.show(what, error);
      return undefined;
    }
  }
}
