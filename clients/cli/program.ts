import { stripVTControlCharacters, styleText } from "node:util";
import { Command, Help, Option } from "commander";
import type { CommandLine } from "./command-line.ts";
import { addAblate } from "./commands/ablate.ts";
import { addCompletion } from "./commands/completion.ts";
import { addDelete } from "./commands/delete.ts";
import { addEvaluate } from "./commands/evaluate.ts";
import { addExport } from "./commands/export.ts";
import { addFigure } from "./commands/figure.ts";
import { addFork } from "./commands/fork.ts";
import { addHistory } from "./commands/history.ts";
import { addInfo } from "./commands/info.ts";
import { addLabel } from "./commands/label.ts";
import { addList } from "./commands/list.ts";
import { addLottery } from "./commands/lottery.ts";
import { addMeasures } from "./commands/measures.ts";
import { addMove } from "./commands/move.ts";
import { addPause } from "./commands/pause.ts";
import { addRestore } from "./commands/restore.ts";
import { addRun } from "./commands/run.ts";
import { addSchedule } from "./commands/schedule.ts";
import { addDataCommands, addServe } from "./commands/server-commands.ts";
import { addShow } from "./commands/show.ts";
import { addSnapshot } from "./commands/snapshot.ts";
import { addSnapshots } from "./commands/snapshots.ts";
import { addSpectrum } from "./commands/spectrum.ts";
import { addStart } from "./commands/start.ts";
import { addStep } from "./commands/step.ts";
import { addSwap } from "./commands/swap.ts";
import { addSweep } from "./commands/sweep.ts";
import { addSweepChanges, addSweepDelete } from "./commands/sweep-changes.ts";
import { addSweepFigure } from "./commands/sweep-figure.ts";
import { addSweeps } from "./commands/sweeps.ts";
import { addTriggers } from "./commands/triggers.ts";
import { addVotes } from "./commands/votes.ts";
import { addWatch } from "./commands/watch.ts";
import { configPath, defaultServer } from "./config.ts";
import { exitCodeMeanings } from "./exit-code.ts";
import { seconds } from "./values.ts";

/** All commands and their help. */
export function buildProgram(line: CommandLine): Command {
  const { world } = line;
  const program = new Command("grokbox")
    .description("Train small networks to add modulo p on a grokbox server, and look inside.")
    .version(world.version, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .addHelpCommand(
      new Command("help")
        .argument("[command]")
        .summary("print help of a command")
        .helpOption(false)
        .helpGroup("Keep and tidy:"),
    )
    .addOption(
      new Option(
        "--server <host:port>",
        `server to talk to; else GROKBOX_SERVER, else the config file, else ${defaultServer}`,
      ),
    )
    .addOption(new Option("--json", "print JSON for scripts in place of text"))
    .addOption(
      new Option(
        "--timeout <seconds>",
        "longest wait for an answer; else 60, for training and weights 600",
      ).argParser(seconds),
    )
    .configureHelp({
      showGlobalOptions: true,
      formatHelp: (command, helper) => commandsFirst(Help.prototype.formatHelp.call(helper, command, helper)),
      // Commander takes it out again where there are no colours.
      styleTitle: (title) => styleText("bold", title, { validateStream: false }),
      sortSubcommands: false,
      subcommandTerm: (command) =>
        `${command.name()} ${command.usage().replace("[options]", "").trim()}`.trim(),
    })
    .configureOutput({
      writeOut: (text) => world.stdout.write(text),
      getOutHelpWidth: () => Math.min(world.stdout.columns ?? 80, 110),
      getOutHasColors: () => world.stdout.isTTY && world.stdout.hasColors(),
      // Errors are told in one place, for people or as JSON.
      writeErr: () => {},
    })
    .exitOverride();

  program.commandsGroup("Train:");
  addServe(program);
  addStart(program, line);
  addStep(program, line);
  addRun(program, line);
  addPause(program, line);
  addSwap(program, line);
  addFork(program, line);
  addRestore(program, line);
  addMove(program, line);
  addTriggers(program, line);
  addMeasures(program, line);
  addSweep(program, line);
  addSweepChanges(program, line);
  program.commandsGroup("Look:");
  addList(program, line);
  addShow(program, line);
  addWatch(program, line);
  addEvaluate(program, line);
  addSpectrum(program, line);
  addVotes(program, line);
  addLottery(program, line);
  addAblate(program, line);
  addHistory(program, line);
  addFigure(program, line);
  addSweeps(program, line);
  addSweepFigure(program, line);
  addInfo(program, line);
  program.commandsGroup("Keep and tidy:");
  addSnapshot(program, line);
  addSnapshots(program, line);
  addSchedule(program, line);
  addExport(program, line);
  addLabel(program, line);
  addDelete(program, line);
  addSweepDelete(program, line);
  addDataCommands(program);
  addCompletion(program, line);

  return program.addHelpText("after", () => epilogue(world.env));
}

/** What can be done comes before how; a command without commands is as it was. */
function commandsFirst(help: string): string {
  const blocks = help.trimEnd().split(/\n\n/);
  const options = blocks.findIndex((block) => stripVTControlCharacters(block).startsWith("Options:"));
  const hasCommands = blocks.some((block) => stripVTControlCharacters(block).startsWith("Train:"));
  if (hasCommands && options >= 0) blocks.push(...blocks.splice(options, 1));
  return `${blocks.join("\n\n")}\n`;
}

function epilogue(env: CommandLine["world"]["env"]): string {
  return `
A session is one network in training; ID is the last part of its name, sessions/ID.

Examples:
  $ grokbox serve                                     start a server here
  $ grokbox start --preset grokking                   make a session
  $ grokbox run ID --until 20000 --snapshot-at 2200   train, and look on
  $ grokbox spectrum ID --at 2200                     what it knew at step 2,200
  $ grokbox swap ID abs x^4 exp --evaluate-only       under other activations
  $ grokbox fork ID@2200 --weight-decay 0             another course from there
  $ grokbox sweep decay.yaml --out decay.csv          many seeds and settings
  $ id=$(grokbox start) && grokbox step $id 100 --json

Config file: ${configPath(env)}, like {"server": "gpu-box:50051"}

Exit codes:
${exitCodeMeanings.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`).join("\n")}
`;
}
