import type { Command, Option } from "commander";
import { activationNames, stateNames, taskNames } from "../names.ts";
import { presetNames } from "../presets.ts";

/** What can be typed, as far as completions know it. */
export interface Commands {
  readonly commands: readonly CommandWords[];
  /** Of every command. */
  readonly options: readonly OptionWords[];
}

export interface CommandWords {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly summary: string;
  readonly options: readonly OptionWords[];
  readonly operand: Operand;
}

export interface OptionWords {
  /** --like-this */
  readonly long: string;
  /** -l */
  readonly short: string | undefined;
  readonly description: string;
  readonly value: OptionValue;
}

/** What follows an option: nothing, one of these words, a path, a session of the server, or something that nobody can guess. */
export type OptionValue =
  | { readonly kind: "none" | "path" | "session" | "any" }
  | { readonly kind: "words"; readonly words: readonly string[] };

/** What follows a command: sessions of the server, and after the first of them perhaps words. */
export interface Operand {
  readonly session: "none" | "one" | "many";
  readonly words: readonly string[];
}

const words: Readonly<Record<string, readonly string[]>> = {
  preset: presetNames,
  activation: activationNames,
  state: stateNames,
  task: taskNames,
};

/** Options whose values are files or folders. */
const paths: readonly string[] = ["output", "out", "weights"];

/** Read off the program itself, so that a new option is completed too. */
export function describeCommands(program: Command): Commands {
  return {
    commands: program.commands.map((command) => ({
      name: command.name(),
      aliases: command.aliases(),
      summary: command.summary(),
      options: command.options.map(toOption),
      operand: toOperand(command),
    })),
    options: [...program.options.map(toOption), helpOption],
  };
}

const helpOption: OptionWords = {
  long: "--help",
  short: "-h",
  description: "print help",
  value: { kind: "none" },
};

function toOption(option: Option): OptionWords {
  const { description, short } = option;
  return { long: option.long ?? "", short, description, value: toValue(option) };
}

function toValue(option: Option): OptionValue {
  if (!option.required && !option.optional) return { kind: "none" };
  const known = option.argChoices ?? words[option.name()];
  if (known !== undefined) return { kind: "words", words: known };
  if (option.name() === "session") return { kind: "session" };
  return { kind: paths.includes(option.name()) ? "path" : "any" };
}

function toOperand({ registeredArguments }: Command): Operand {
  const session = registeredArguments.find((argument) => argument.name() === "session");
  const rest = registeredArguments.find((argument) => argument.name() !== "session");
  return {
    session: session === undefined ? "none" : session.variadic ? "many" : "one",
    words: rest?.argChoices ?? words[rest?.name() ?? ""] ?? [],
  };
}
