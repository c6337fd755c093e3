/** What the command line needs of the process that it runs in. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Fires when a person has had enough (Ctrl-C, SIGTERM); its reason is an `Interruption`. */
  readonly interrupt: AbortSignal;
  readonly version: string;
  /** Path of the server's entry point, where the server is there too. */
  readonly serverEntry: string | undefined;
}

/** A signal that ends what is under way here, and nothing on the server. */
export class Interruption extends Error {
  override readonly name = "Interruption";
  /** As shells have it: 128 and the signal's number. */
  readonly exitCode: 130 | 143;

  constructor(signal: "SIGINT" | "SIGTERM") {
    super(`ended by ${signal}`);
    this.exitCode = signal === "SIGINT" ? 130 : 143;
  }
}
