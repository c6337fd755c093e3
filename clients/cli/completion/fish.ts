import type { Commands, CommandWords, OptionWords } from "./commands.ts";

/** A completion script for fish. */
export function fish({ commands, options }: Commands): string {
  const names = commands.map(({ name }) => name).join(" ");
  const all = [names, ...commands.flatMap(({ aliases }) => aliases), "help"].join(" ");
  return `# fish completion for grokbox: grokbox completion fish | source

function __grokbox_sessions
  set -l words (commandline -opc)
  set -l server
  if set -l at (contains -i -- --server $words)
    set server --server $words[(math $at + 1)]
  end
  grokbox list --json --timeout 1 $server 2>/dev/null |
    string match -ra '"name":"sessions/[^"/]*"' | string replace -r '.*/([^"/]*)"' '$1'
end

complete -c grokbox -f
${options.map((option) => complete("", option)).join("\n")}
${commands
  .map(
    ({ name, summary }) =>
      `complete -c grokbox -n 'not __fish_seen_subcommand_from ${all}' -a ${name} -d ${quote(summary)}`,
  )
  .join("\n")}
complete -c grokbox -n 'not __fish_seen_subcommand_from ${all}' -a help -d 'print help of a command'
complete -c grokbox -n '__fish_seen_subcommand_from help' -a '${names}'
${commands.flatMap(commandLines).join("\n")}
`;
}

function commandLines({ name, aliases, options, operand }: CommandWords): string[] {
  const seen = `-n '__fish_seen_subcommand_from ${[name, ...aliases].join(" ")}' `;
  return [
    ...options.map((option) => complete(seen, option)),
    ...(operand.session === "none"
      ? []
      : [`complete -c grokbox ${seen}-k -a '(__grokbox_sessions)' -d session`]),
    ...(operand.words.length === 0
      ? []
      : [`complete -c grokbox ${seen}-a ${quote(operand.words.join(" "))}`]),
  ];
}

function complete(condition: string, { long, short, description, value }: OptionWords): string {
  const flag = `-l ${long.slice(2)}${short === undefined ? "" : ` -s ${short.slice(1)}`}`;
  const values = {
    none: "",
    any: " -x",
    session: " -x -k -a '(__grokbox_sessions)'",
    path: " -r -a '(__fish_complete_path)'",
    words: value.kind === "words" ? ` -x -a ${quote(value.words.join(" "))}` : "",
  }[value.kind];
  return `complete -c grokbox ${condition}${flag}${values} -d ${quote(description)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
