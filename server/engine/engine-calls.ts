/** The calls of an engine and of its trainers that are under way, for whoever closes it to wait for. */
export class EngineCalls {
  readonly #name: string;
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosed = false;

  /** @param name - of the engine, for messages */
  constructor(name: string) {
    this.#name = name;
  }

  /** Makes a call, unless the engine is closed: then it rejects. */
  make<T>(call: () => Promise<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(new Error(`the ${this.#name} engine is closed`));
    const result = call();
    this.follow(result);
    return result;
  }

  follow(call: Promise<unknown>): void {
    this.#underWay.add(call);
    const settled = () => this.#underWay.delete(call);
    call.then(settled, settled);
  }

  /** Refuses calls from now on, and waits for those under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }
}
