import type { ChangesInput, OptimizerInput, Spec, SplitInput } from "@grokbox/sdk";
import { Command, Option } from "commander";
import { UsageError } from "./usage-error.ts";
import { number, uint32, uint32s } from "./values.ts";

/** What a person says is to be different in a fork. */
export interface ChangesOptions {
  readonly activation?: string;
  readonly optimizer?: OptimizerInput["kind"];
  readonly lr?: number;
  readonly weightDecay?: number;
  readonly grokfast?: number;
  readonly grokfastAlpha?: number;
  readonly warmupSteps?: number;
  readonly split?: "torch" | "python";
  readonly trainFraction?: number;
  readonly removeFrequencies?: readonly number[];
  readonly keepFrequencies?: readonly number[];
}

/** Adds their flags. */
export function addChangesOptions(command: Command): Command {
  return command
    .option("--activation <name>", "go on under another one")
    .addOption(new Option("--optimizer <name>", "another one, its moments zero").choices(["adamw", "sgd"]))
    .option("--lr <number>", "learning rate", number)
    .option("--weight-decay <number>", "decoupled for adamw, L2 for sgd", number)
    .option("--grokfast <lambda>", "amplify slow gradients by so much; 0 for not any more", number)
    .option("--grokfast-alpha <number>", "of their running mean", number)
    .option("--warmup-steps <steps>", "over which the learning rate rises from 0", uint32)
    .addOption(new Option("--split <generator>", "that shuffles the pairs").choices(["torch", "python"]))
    .option("--train-fraction <share>", "of the pairs to train on, more than 0, at most 1", number)
    .addOption(
      new Option("--remove-frequencies <list>", "take these out of both layers, such as 2,5")
        .argParser(uint32s)
        .conflicts("keepFrequencies"),
    )
    .option("--keep-frequencies <list>", "take all others out of both layers", uint32s);
}

/** What they are called in `ChangesOptions`. */
export function changesNames(): string[] {
  return addChangesOptions(new Command()).options.map((option) => option.attributeName());
}

/** @param spec - of the session that is forked */
export function changesOf(options: ChangesOptions, { split: present }: Spec): ChangesInput {
  const { activation, optimizer, lr, weightDecay, warmupSteps, removeFrequencies, keepFrequencies } = options;
  return {
    activation,
    optimizer,
    learningRate: lr,
    weightDecay,
    grokfast: grokfastOf(options),
    warmupSteps,
    split: splitOf(options, present),
    removeFrequencies,
    keepFrequencies,
  };
}

/** Nothing when no part of it was said. */
export function grokfastOf({
  grokfast: lambda,
  grokfastAlpha: alpha,
}: Pick<ChangesOptions, "grokfast" | "grokfastAlpha">): ChangesInput["grokfast"] {
  return lambda === undefined && alpha === undefined ? undefined : { alpha, lambda };
}

/** Nothing when no part of it was said; what else it is made of is as before. */
function splitOf({ split, trainFraction }: ChangesOptions, present: Spec["split"]): SplitInput | undefined {
  if (split === undefined && trainFraction === undefined) return undefined;
  const kind = split ?? present.kind;
  if (kind === "explicit") {
    throw new UsageError("--train-fraction needs --split: the session trains on a list of pairs");
  }
  return { kind, fraction: trainFraction ?? ("fraction" in present ? present.fraction : undefined) };
}
