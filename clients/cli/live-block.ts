import type { Output } from "./output.ts";

/** Between two drawings, milliseconds. */
const redrawMs = 200;

/** Some lines on stderr that are drawn anew in their place, for as long as it is not stopped; nothing where no person looks. */
export class LiveBlock {
  readonly #output: Output;
  readonly #lines: () => readonly string[];
  readonly #timer: NodeJS.Timeout | undefined;
  #drawn = 0;
  #isStale = true;

  constructor(output: Output, lines: () => readonly string[]) {
    this.#output = output;
    this.#lines = lines;
    if (output.isAttended) this.#timer = setInterval(() => this.#draw(), redrawMs);
  }

  /** Rows that a drawing may have without scrolling. */
  get rows(): number {
    return Math.max(4, (this.#output.stderr.rows ?? 24) - 2);
  }

  /** What it shows has changed. */
  touch(): void {
    this.#isStale = true;
  }

  /** Leaves the terminal as it was. Idempotent. */
  stop(): void {
    clearInterval(this.#timer);
    this.#clear();
  }

  #draw(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    const lines = this.#lines().slice(0, this.rows);
    this.#clear();
    this.#output.stderr.write(lines.map((line) => `${line}\n`).join(""));
    this.#drawn = lines.length;
  }

  #clear(): void {
    if (this.#drawn > 0) this.#output.stderr.write(`\u001b[${this.#drawn}A\u001b[0J`);
    this.#drawn = 0;
  }
}
