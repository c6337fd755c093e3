import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

const program = join(import.meta.dirname, "peer.py");

/** Longer than any style takes to be compiled and checked. */
const answerWithinMs = 300_000;

export const frameworks = ["torch", "jax"] as const;

export interface PeerOptions {
  /** Path of the interpreter. */
  readonly python: string;
  readonly framework: (typeof frameworks)[number];
  readonly threads: number;
}

/** A style that is open; see worker.py. */
export interface OpenStyle {
  readonly framework: string;
  readonly version: string;
  readonly style: string;
  /** What it multiplies matrices with. */
  readonly blas: string;
  /** Networks that it trains at once. */
  readonly cohort: number;
  /** A number of steps that it makes at its full speed. */
  readonly quantum: number;
  readonly peakMemoryBytes: number;
}

/** How long some steps took. */
export interface Timing {
  readonly seconds: number;
  /** Of all its threads. */
  readonly cpuSeconds: number;
}

/** One framework on so many threads, in a process of its own. */
export class PeerProcess implements Disposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  #failure = "";

  constructor({ python, framework, threads }: PeerOptions) {
    const args = [program, "--serve", "--framework", framework, "--threads", `${threads}`];
    this.#child = spawn(python, args);
    this.#child.on("error", ({ message }) => {
      this.#failure = message;
    });
    // Its last line says what an exception was.
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#failure = text.trim().split("\n").at(-1) || this.#failure;
    });
    this.#child.stdin.on("error", () => {});
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** @param folder - where solutions in float64 are kept */
  open(style: string, p: number, width: number, folder: string): Promise<OpenStyle> {
    const checkSteps = p * p * p * width > 1e9 ? 10 : 100;
    return this.#ask({ open: style, modulus: p, width, checkSteps, reference: folder });
  }

  async styles(p: number, width: number): Promise<readonly string[]> {
    const { styles } = await this.#ask<{ styles: string[] }>({ styles: true, modulus: p, width });
    return styles;
  }

  /** The open style makes so many steps. */
  advance(steps: number): Promise<Timing> {
    return this.#ask<Timing>({ advance: steps });
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }

  async #ask<T>(request: object): Promise<T> {
    if (this.#child.exitCode !== null) throw new Error(this.#failure);
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const late = setTimeout(() => {
      this.#failure = `no answer within ${answerWithinMs / 1000} s`;
      this[Symbol.dispose]();
    }, answerWithinMs);
    const { value: line, done } = await this.#answers.next();
    clearTimeout(late);
    if (done) throw new Error(this.#failure || "it ended");
    const answer = JSON.parse(line) as T & { readonly error?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }
}
