import { type Grokbox, GrokboxError, type ServerInfo } from "@grokbox/sdk";
import type { Live } from "@grokbox/sdk/live";
import { Changes } from "./changes.ts";

/** After a call that no server answered although the live connection is open. */
const askAgainMs = 2_000;

/** What the server can do: asked whenever the connection is made, as it may be another server, or another version, that came back. */
export class ServerFacts extends Changes {
  readonly #live: Pick<Live, "state" | "onState">;
  readonly #connect: () => Promise<Pick<Grokbox, "info">>;
  readonly #onFailure: (error: unknown) => void;
  #info: ServerInfo | undefined;
  /** Connections of which it was asked: the answer of an earlier one is out of date. */
  #asked = 0;

  /** @param onFailure - told of what is no broken connection: those are mended */
  constructor(
    live: Pick<Live, "state" | "onState">,
    connect: () => Promise<Pick<Grokbox, "info">>,
    onFailure: (error: unknown) => void,
  ) {
    super();
    this.#live = live;
    this.#connect = connect;
    this.#onFailure = onFailure;
    live.onState((state) => {
      if (state === "open") void this.#ask(++this.#asked);
    });
  }

  /** Undefined until the server has told. */
  get info(): ServerInfo | undefined {
    return this.#info;
  }

  async #ask(asked: number): Promise<void> {
    try {
      const info = await (await this.#connect()).info();
      if (asked !== this.#asked) return;
      this.#info = info;
      this.tell();
    } catch (error) {
      if (asked !== this.#asked) return;
      if (!(error instanceof GrokboxError && error.code === "UNAVAILABLE")) this.#onFailure(error);
      else if (this.#live.state === "open") {
        setTimeout(() => asked === this.#asked && void this.#ask(asked), askAgainMs);
      }
    }
  }
}
