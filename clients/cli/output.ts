import { once } from "node:events";
import { styleText } from "node:util";
import type { World } from "./world.ts";

export type Format = Parameters<typeof styleText>[0];

/** Text in a colour where the stream shows colours, and as it is elsewhere. */
export type Style = (format: Format, text: string) => string;

export const plain: Style = (_format, text) => text;

/** Heeds NO_COLOR, FORCE_COLOR and TERM as Node does. */
export function styleOf(stream: NodeJS.WriteStream): Style {
  if (!stream.isTTY || !stream.hasColors()) return plain;
  return (format, text) => styleText(format, text, { validateStream: false });
}

/** What a command says: results on stdout, what helps a person along on stderr. */
export class Output {
  /** For scripts: stdout has JSON and nothing else. */
  readonly json: boolean;
  readonly style: Style;
  /** Columns to fit into; unlimited where no person looks. */
  readonly width: number;
  /** Whether a person reads stderr, and so wants progress and hints. */
  readonly isAttended: boolean;
  readonly stderr: NodeJS.WriteStream;
  readonly #stdout: NodeJS.WriteStream;

  constructor({ stdout, stderr }: Pick<World, "stdout" | "stderr">, json: boolean) {
    this.json = json;
    this.#stdout = stdout;
    this.stderr = stderr;
    this.style = styleOf(stdout);
    this.width = stdout.isTTY ? stdout.columns : Number.POSITIVE_INFINITY;
    this.isAttended = stderr.isTTY && !json;
  }

  /** Columns for what has no natural width. */
  get plotWidth(): number {
    return Math.min(this.width, 100);
  }

  /** The one result: a JSON document, or lines for a person. */
  result(document: unknown, lines: () => readonly string[]): void {
    if (this.json) this.record(document);
    else this.print(lines());
  }

  /** One JSON document on a line of its own. */
  record(document: unknown): void {
    this.#stdout.write(`${JSON.stringify(document)}\n`);
  }

  print(lines: readonly string[]): void {
    if (lines.length > 0) this.#stdout.write(`${lines.join("\n")}\n`);
  }

  /** A piece of a result that is a file. Resolves when there is room for the next. */
  async write(piece: Uint8Array): Promise<void> {
    if (!this.#stdout.write(piece)) await once(this.#stdout, "drain");
  }

  /** A person looks at stdout. */
  get isOnTerminal(): boolean {
    return this.#stdout.isTTY ?? false;
  }

  /** What to do next, for a person who looks. */
  hint(lines: readonly string[]): void {
    if (this.isAttended && lines.length > 0) this.say(lines);
  }

  /** What must be said beside the result. */
  say(lines: readonly string[]): void {
    if (lines.length > 0) this.stderr.write(`${lines.join("\n")}\n`);
  }
}

/** Commands a person might type next, each with what it does. */
export function nextSteps(commands: readonly (readonly [command: string, effect: string])[]): string[] {
  const width = Math.max(...commands.map(([command]) => command.length));
  return ["", "Next:", ...commands.map(([command, effect]) => `  ${command.padEnd(width)}   ${effect}`)];
}
