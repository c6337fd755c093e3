import { GrokboxError, isReason, type Session, type SessionInfo } from "@grokbox/sdk";
import { Changes } from "./changes.ts";
import { isTraining } from "./session-calls.ts";

/** How often to ask for a session that trains, and for one that doesn't. */
const askEveryMs = { training: 1_000, resting: 5_000 } as const;

/** A session that the list leaves out, as it does those of sweeps: asked for now and then. */
export class UnlistedSession extends Changes {
  readonly #open: () => Promise<Session>;
  readonly #onFailure: (error: unknown) => void;
  #info: SessionInfo | undefined;
  #isGone = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isWanted = false;

  /** @param onFailure - told of what is neither a broken connection nor that there is none */
  constructor(open: () => Promise<Session>, onFailure: (error: unknown) => void) {
    super();
    this.#open = open;
    this.#onFailure = onFailure;
  }

  get info(): SessionInfo | undefined {
    return this.#info;
  }

  /** There is no such session, or not any more. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** From now on; asked for again, it does nothing. */
  start(): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    void this.#ask();
  }

  stop(): void {
    this.#isWanted = false;
    clearTimeout(this.#timer);
  }

  /** What the answer to a call told. */
  put(info: SessionInfo): void {
    if (!this.#isWanted) return;
    this.#info = info;
    this.tell();
  }

  async #ask(): Promise<void> {
    try {
      if (!document.hidden || this.#info === undefined) this.#info = await (await this.#open()).refresh();
    } catch (error) {
      this.#isGone = isReason(error, "SESSION_NOT_FOUND") || isReason(error, "INVALID_FIELD");
      const isDown = error instanceof GrokboxError && error.code === "UNAVAILABLE";
      if (!this.#isGone && !isDown) this.#onFailure(error);
    }
    if (!this.#isWanted) return;
    this.tell();
    if (this.#isGone) return;
    const trains = this.#info !== undefined && isTraining(this.#info);
    this.#timer = setTimeout(() => void this.#ask(), askEveryMs[trains ? "training" : "resting"]);
  }
}
