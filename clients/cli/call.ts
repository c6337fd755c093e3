import type { Grokbox, Session } from "@grokbox/sdk";
import { chooseServer, type ServerChoice } from "./config.ts";
import { Output } from "./output.ts";
import type { World } from "./world.ts";

/** The options that every command has. */
export interface GlobalOptions {
  readonly server?: string;
  /** One JSON document in place of text. */
  readonly json?: boolean;
  /** Seconds. */
  readonly timeout?: number;
}

/** How long a server may take to be there, milliseconds: as long as one that is just starting, not as long as a person's patience. */
const connectDeadlineMs = 3_000;

/** One command under way: what it talks to, and what it tells. */
export class Call<O = object> implements AsyncDisposable {
  readonly options: O & GlobalOptions;
  readonly output: Output;
  readonly world: World;
  #box: Promise<Grokbox> | undefined;
  #server: ServerChoice | undefined;

  constructor(world: World, options: O & GlobalOptions) {
    this.world = world;
    this.options = options;
    this.output = new Output(world, options.json ?? false);
  }

  get interrupt(): AbortSignal {
    return this.world.interrupt;
  }

  get server(): ServerChoice {
    this.#server ??= chooseServer(this.options.server, this.world.env);
    return this.#server;
  }

  /** For calls of the SDK: a Ctrl-C gives them up, as does --timeout. */
  get limits(): { readonly signal: AbortSignal; readonly deadlineMs: number | undefined } {
    return { signal: this.interrupt, deadlineMs: this.#timeoutMs };
  }

  connect(): Promise<Grokbox> {
    this.#box ??= this.#connect();
    return this.#box;
  }

  /** @param name - sessions/{id} */
  async session(name: string): Promise<Session> {
    return (await this.connect()).session(name, this.limits);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    (await this.#box?.catch(() => undefined))?.close();
  }

  get #timeoutMs(): number | undefined {
    return this.options.timeout === undefined ? undefined : this.options.timeout * 1_000;
  }

  async #connect(): Promise<Grokbox> {
    // Help, completions and wrong command lines don't wait for gRPC to load.
    const { Grokbox } = await import("@grokbox/sdk");
    return Grokbox.connect(this.server.address, {
      signal: this.interrupt,
      deadlineMs: this.#timeoutMs ?? connectDeadlineMs,
      callDeadlineMs: this.#timeoutMs,
    });
  }
}
