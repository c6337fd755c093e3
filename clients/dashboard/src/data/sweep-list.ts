import { type Grokbox, GrokboxError, type SweepInfo } from "@grokbox/sdk";
import { Changes } from "./changes.ts";

/** The newest ones; who has more looks them up by name. */
const mostShown = 100;

/** How often to ask while a sweep runs, and while none does. */
const askEveryMs = { running: 2_000, idle: 6_000 } as const;

/** The sweeps of the server, asked for now and then while somebody looks at them. */
export class SweepList extends Changes {
  readonly #connect: () => Promise<Grokbox>;
  readonly #onFailure: (error: unknown) => void;
  #sweeps: readonly SweepInfo[] = [];
  #looking: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param onFailure - told of what is no broken connection: those are mended */
  constructor(connect: () => Promise<Grokbox>, onFailure: (error: unknown) => void) {
    super();
    this.#connect = connect;
    this.#onFailure = onFailure;
  }

  /** Newest first. */
  get all(): readonly SweepInfo[] {
    return this.#sweeps;
  }

  /** @returns what ends it */
  look(): () => void {
    this.#looking = new AbortController();
    document.addEventListener("visibilitychange", this.#onVisibility);
    this.#onVisibility();
    return () => {
      document.removeEventListener("visibilitychange", this.#onVisibility);
      clearTimeout(this.#timer);
      this.#looking?.abort();
      this.#looking = undefined;
    };
  }

  /** What the answer to a call told, before it is asked for again. */
  put(info: SweepInfo): void {
    this.#sweeps = this.#sweeps.map((sweep) => (sweep.name === info.name ? info : sweep));
    this.tell();
  }

  readonly #onVisibility = (): void => {
    clearTimeout(this.#timer);
    if (!document.hidden) void this.#ask();
  };

  async #ask(): Promise<void> {
    const { signal } = this.#looking ?? {};
    if (signal === undefined) return;
    try {
      const grokbox = await this.#connect();
      const found: SweepInfo[] = [];
      for await (const { info } of grokbox.sweeps({ signal })) {
        found.push(info);
        if (found.length === mostShown) break;
      }
      this.#sweeps = found;
      this.tell();
    } catch (error) {
      const isDown = error instanceof GrokboxError && error.code === "UNAVAILABLE";
      if (!signal.aborted && !isDown) this.#onFailure(error);
    }
    if (signal.aborted) return;
    const runs = this.#sweeps.some(({ state }) => state === "running");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onVisibility, askEveryMs[runs ? "running" : "idle"]);
  }
}
