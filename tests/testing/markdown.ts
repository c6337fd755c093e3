/** A fenced block of a Markdown page. */
export interface Block {
  readonly language: string;
  readonly code: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
}

export function blocksOf(page: string): Block[] {
  return [...page.matchAll(/^```(\S*)\n(.*?)^```$/gms)].map(({ index, 1: language, 2: code }) => ({
    language: language!,
    code: code!,
    line: page.slice(0, index).split("\n").length,
  }));
}

/** What stands in backticks in the running text. */
export function codeSpansOf(page: string): string[] {
  const text = page.replace(/^```.*?^```$/gms, "");
  return [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1]!.replace(/\s*\n\s*/g, " "));
}

/** The commands of a shell block, one a line, with continued lines joined; comments left out. */
export function commandsOf(code: string): string[] {
  return code
    .replace(/\\\n\s*/g, "")
    .split("\n")
    .flatMap((line) => line.split(" && "))
    .map((command) => command.trim())
    .filter((command) => command !== "" && !command.startsWith("#"));
}
