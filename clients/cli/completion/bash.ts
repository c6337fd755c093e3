import type { Commands, CommandWords, OptionWords } from "./commands.ts";

/** A completion script for bash 4 and newer. */
export function bash({ commands, options }: Commands): string {
  const names = commands.map(({ name }) => name);
  const valued = takingValues([...options, ...commands.flatMap((command) => command.options)]);
  const taking = new Set(valued.flatMap(({ long, short }) => (short === undefined ? [long] : [short, long])));
  return `# bash completion for grokbox: source <(grokbox completion bash)

_grokbox_sessions() {
  local server=() i
  for ((i = 1; i < COMP_CWORD; i++)); do
    # The address is several words to bash where it breaks words at colons.
    if [[ \${COMP_WORDS[i]} == --server ]]; then
      server=(--server "\${COMP_WORDS[i + 1]}")
      [[ \${COMP_WORDS[i + 2]} == : ]] && server[1]+=":\${COMP_WORDS[i + 3]}"
    fi
  done
  "\${COMP_WORDS[0]}" list --json --timeout 1 "\${server[@]}" 2>/dev/null |
    grep -o '"name":"sessions/[^"/]*"' | sed 's|.*/||; s|"$||'
}

_grokbox() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD - 1]}"
  local command="" operands=0 i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
      ${[...taking].join(" | ")})
        # Its value, which is several words to bash where it breaks words at = and at colons.
        [[ \${COMP_WORDS[i + 1]} == = ]] && ((i++))
        ((i++))
        [[ \${COMP_WORDS[i + 1]} == : ]] && ((i += 2))
        ;;
      -*) ;;
      *) if [[ -z $command ]]; then command="\${COMP_WORDS[i]}"; else ((operands++)); fi ;;
    esac
  done
  COMPREPLY=()
${optionCases(options, "  ")}
  case "$command" in
    "") _grokbox_words "${names.join(" ")} help" "${flags(options)}" ;;
    help) _grokbox_words "${names.join(" ")}" "${flags(options)}" ;;
${commands.map((command) => commandCase(command, options)).join("\n")}
  esac
}

# Words, or flags once a dash has been typed. Not compgen -W, which would take ^ and * for more than they are.
_grokbox_words() {
  local words="$1" word
  [[ $current == -* ]] && words="$2"
  local IFS=$' \\t\\n'
  for word in $words; do
    [[ $word == "$current"* ]] && COMPREPLY+=("$word")
  done
}

_grokbox_paths() {
  # Only a completion under way can be told that these are names of files.
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen -f -- "$current")
}

# Where it knows of nothing, names of files.
complete -o default -F _grokbox grokbox
`;
}

/** Those of the server, which is not asked for flags. */
const sessions = '"$([[ $current == -* ]] || _grokbox_sessions)"';

function commandCase(command: CommandWords, common: readonly OptionWords[]): string {
  const { name, aliases, options } = command;
  return `    ${[name, ...aliases].join(" | ")})
${optionCases(options, "      ")}
${operands(command, flags([...options, ...common]))}
      ;;`;
}

function operands({ operand }: CommandWords, all: string): string {
  const words = `      _grokbox_words "${operand.words.join(" ")}" "${all}"`;
  if (operand.session === "none") return words;
  const first = `      _grokbox_words ${sessions} "${all}"`;
  if (operand.session === "many") return first;
  return `      if ((operands == 0)); then
  ${first}
      else
  ${words}
      fi`;
}

/** Ways to complete what follows an option. */
function optionCases(options: readonly OptionWords[], indent: string): string {
  const cases = takingValues(options).map((option) => `${indent}  ${optionCase(option)}`);
  return [`${indent}case "$previous" in`, ...cases, `${indent}esac`].join("\n");
}

function optionCase({ long, short, value }: OptionWords): string {
  const names = short === undefined ? long : `${short} | ${long}`;
  if (value.kind === "words") return `${names}) _grokbox_words "${value.words.join(" ")}" ""; return ;;`;
  if (value.kind === "session") return `${names}) _grokbox_words ${sessions} ""; return ;;`;
  if (value.kind === "path") return `${names}) _grokbox_paths; return ;;`;
  return `${names}) return ;;`;
}

function takingValues(options: readonly OptionWords[]): OptionWords[] {
  return options.filter(({ value }) => value.kind !== "none");
}

function flags(options: readonly OptionWords[]): string {
  return options.map(({ long }) => long).join(" ");
}
