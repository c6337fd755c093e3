/** Keeps the calls of a trainer apart, and frees what it holds once it is closed and none is under way. */
export class TrainerCalls {
  readonly #free: () => void;
  /** Names the call under way. */
  #busyWith: string | undefined;
  #isClosed = false;

  /** @param free - is called once */
  constructor(free: () => void) {
    this.#free = free;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get isBusy(): boolean {
    return this.#busyWith !== undefined;
  }

  /** Makes a call, unless the trainer is closed or another one is under way: then it rejects. */
  async exclusively<T>(name: string, call: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new Error(`${name} of a trainer that is closed`);
    if (this.#busyWith !== undefined)
      throw new Error(
        `${name} of a trainer while its ${this.#busyWith} is under way: calls must not overlap`,
      );
    this.#busyWith = name;
    try {
      return await call();
    } finally {
      this.#busyWith = undefined;
      if (this.#isClosed) this.#free();
    }
  }

  /** Frees, at once or after the call under way. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.isBusy) this.#free();
  }
}
