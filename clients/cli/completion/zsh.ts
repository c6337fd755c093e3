import type { Commands, CommandWords, OptionWords } from "./commands.ts";

/** A completion script for zsh, to be sourced after compinit or put into a folder of $fpath as _grokbox. */
export function zsh({ commands, options }: Commands): string {
  return `#compdef grokbox
# zsh completion for grokbox: source <(grokbox completion zsh)

_grokbox_sessions() {
  local -a server sessions
  local i=\${words[(I)--server]}
  ((i > 0)) && server=(--server \${words[i + 1]})
  sessions=(\${(f)"$(grokbox list --json --timeout 1 $server 2>/dev/null |
    grep -o '"name":"sessions/[^"/]*"' | sed 's|.*/||; s|"$||')"})
  compadd -a sessions
}

_grokbox() {
  local context state line
  typeset -A opt_args
  local -a commands
  commands=(
${commands.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`).join("\n")}
    'help:print help of a command'
  )
  _arguments -C \\
${options.map((option) => `    ${argument(option)} \\`).join("\n")}
    '1: :->command' '*:: :->rest'
  case $state in
    command) _describe command commands ;;
    rest)
      case $line[1] in
        help) _describe command commands ;;
${commands.map((command) => commandCase(command, options)).join("\n")}
      esac
      ;;
  esac
}

if [[ $funcstack[1] == _grokbox ]]; then
  _grokbox "$@"
else
  compdef _grokbox grokbox
fi
`;
}

function commandCase(
  { name, aliases, options, operand }: CommandWords,
  common: readonly OptionWords[],
): string {
  const words = operand.words.length > 0 ? `:(${operand.words.map(escaped).join(" ")})` : ": ";
  const operands = {
    none: operand.words.length > 0 ? [`'1:${name}${words}'`] : [],
    one: ["'1:session:_grokbox_sessions'", ...(operand.words.length > 0 ? [`'*:word${words}'`] : [])],
    many: ["'*:session:_grokbox_sessions'"],
  }[operand.session];
  const lines = [...options.map(argument), ...common.map(argument), ...operands];
  return `        ${[name, ...aliases].join("|")})
          _arguments \\
${lines.map((line) => `            ${line}`).join(" \\\n")}
          ;;`;
}

function argument({ long, description, value }: OptionWords): string {
  const name = long.slice(2);
  const text = `${long}[${description.replaceAll(/[[\]]/g, "\\$&")}]`;
  switch (value.kind) {
    case "none":
      return quote(text);
    case "words":
      return quote(`${text}:${name}:(${value.words.map(escaped).join(" ")})`);
    case "session":
      return quote(`${text}:${name}:_grokbox_sessions`);
    case "path":
      return quote(`${text}:${name}:_files`);
    default:
      return quote(`${text}:${name}: `);
  }
}

function escaped(word: string): string {
  return word.replaceAll(/[^\w-]/g, "\\$&");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
