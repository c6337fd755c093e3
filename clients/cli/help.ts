/** What fits into the narrowest terminal that people have. */
const narrowest = 80;

/** Examples for the end of a command's help: what to type, and what it does. */
export function examples(...lines: readonly (readonly [command: string, effect: string])[]): string {
  const width = Math.max(...lines.map(([command]) => command.length));
  const beside = lines.map(([command, effect]) => `  $ ${command.padEnd(width)}   ${effect}`);
  const shown = beside.every((line) => line.length <= narrowest)
    ? beside
    : lines.flatMap(([command, effect]) => [`  # ${effect}`, `  $ ${command}`]);
  return `\nExamples:\n${shown.join("\n")}\n`;
}
