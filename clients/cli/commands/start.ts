import { accessSync, constants, openAsBlob, statSync } from "node:fs";
import type {
  InitInput,
  OptimizerInput,
  SafetensorsFile,
  SplitInput,
  StartOptions,
  Task,
} from "@grokbox/sdk";
import { type Command, Option } from "commander";
import { grokfastOf } from "../changes-options.ts";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { type MeasureOptions, measureOption } from "../measure-options.ts";
import { taskNames } from "../names.ts";
import { nextSteps } from "../output.ts";
import { partsOf } from "../presets.ts";
import { addScheduleOptions, type ScheduleOptions, scheduleOf } from "../schedule-options.ts";
import { idOf, snapshotName } from "../session-name.ts";
import { engineOption, labelOption, recordEveryOption } from "../shared-options.ts";
import { pairsText, specText } from "../spec-text.ts";
import { UsageError } from "../usage-error.ts";
import { number, uint32 } from "../values.ts";

interface Options extends ScheduleOptions, MeasureOptions {
  readonly preset?: string;
  readonly seed?: number;
  readonly modulus?: number;
  readonly width?: number;
  readonly activation?: string;
  readonly task?: Task;
  readonly init?: InitInput["kind"];
  readonly initScale?: number;
  readonly optimizer?: OptimizerInput["kind"];
  readonly lr?: number;
  readonly weightDecay?: number;
  readonly grokfast?: number;
  readonly grokfastAlpha?: number;
  readonly embedding?: number;
  readonly warmupSteps?: number;
  readonly split?: "torch" | "python";
  readonly trainFraction?: number;
  readonly label?: Readonly<Record<string, string>>;
  readonly recordEvery?: number;
  readonly engine?: string;
  readonly from?: string;
  readonly weights?: string;
}

export function addStart(program: Command, line: CommandLine): void {
  const command = program
    .command("start")
    .summary("make a session")
    .description(
      "Makes a session and prints its name. What is left out is the preset's, or the standard run's.",
    )
    .option(
      "--preset <name>",
      "published run to begin with: standard, grokking, ... (grokbox info lists them)",
    )
    .option("--seed <number>", "of weights and split, as PyTorch's; else 42", uint32)
    .option("--modulus <p>", "odd, 3 to 199", uint32)
    .option("--width <M>", "hidden neurons, 8 to 65536", uint32)
    .option("--activation <name>", "relu, gelu, x^2, identity, abs, x^3, x^4, x^8, softplus2 or exp")
    .addOption(new Option("--task <name>", "what to learn, mod p").choices(taskNames))
    .addOption(new Option("--init <kind>", "of the weights").choices(["random", "single-frequency"]))
    .option("--init-scale <number>", "of the initial weights", number)
    .addOption(new Option("--optimizer <name>", "with its own defaults").choices(["adamw", "sgd"]))
    .option("--lr <number>", "learning rate", number)
    .option("--weight-decay <number>", "decoupled for adamw, L2 for sgd", number)
    .option("--grokfast <lambda>", "amplify slow gradients by so much; the paper's is 2", number)
    .option("--grokfast-alpha <number>", "of their running mean; else 0.98", number)
    .option("--embedding <d>", "learn the embedding too, 1 to 512 dimensions; the paper's is 128", uint32)
    .option("--warmup-steps <steps>", "over which the learning rate rises from 0; else 10", uint32)
    .addOption(new Option("--split <generator>", "that shuffles the pairs").choices(["torch", "python"]))
    .option("--train-fraction <share>", "of the pairs to train on, more than 0, at most 1", number)
    .addOption(labelOption("to find it by"))
    .addOption(recordEveryOption("100"))
    .addOption(measureOption("none"))
    .addOption(engineOption("the server's choice"))
    .option(
      "--from <snapshot>",
      "start from ID@STEP or sessions/ID/snapshots/STEP, with its spec",
      snapshotName,
    )
    .addOption(
      new Option(
        "--weights <file>",
        "start from a safetensors file; what it says of itself goes for the rest",
      ).conflicts("from"),
    );
  addScheduleOptions(command)
    .addHelpText(
      "after",
      examples(
        ["grokbox start --preset grokking --seed 42", "the paper's grokking run"],
        ["grokbox start --modulus 31 --train-fraction 0.8 --weight-decay 1", "your own"],
        [
          "grokbox start --preset standard --label sweep=lr --lr 1e-4",
          "a preset, changed, to be found again",
        ],
        [
          "grokbox start --preset quad_single_freq --measure magnitude_drift:100",
          "how far it leaves the theory; grokbox measures --help has all",
        ],
        ["grokbox start --from ID@2200", "another course from a snapshot on"],
        ["grokbox start --weights run.safetensors", "from grokbox export, or from PyTorch"],
      ),
    )
    .action(
      line.action<[], Options>(async (call) => {
        const box = await call.connect();
        const weights = await weightsOf(call.options.weights);
        await using session = await box.start({ ...startOptions(call.options), weights, ...call.limits });
        const { output } = call;
        const { info } = session;
        const id = idOf(info.name);
        output.result(info, () => [info.name]);
        output.hint([
          `${info.preset === "" ? "" : `${info.preset}: `}${specText(info.spec)}`,
          `${pairsText(info)}; engine ${info.engine}`,
          ...nextSteps([
            [`grokbox run ${id} --until ${info.step + 10_000}`, "train, and look on"],
            [`grokbox step ${id} 100`, "train a little, and wait"],
          ]),
        ]);
      }),
    );
}

async function weightsOf(path: string | undefined): Promise<SafetensorsFile | undefined> {
  if (path === undefined) return undefined;
  try {
    // What is wrong with a path is not told by openAsBlob.
    accessSync(path, constants.R_OK);
    if (statSync(path).isDirectory()) throw Object.assign(new Error("is a folder"), { code: "EISDIR" });
    return { safetensors: await openAsBlob(path) };
  } catch (error) {
    throw new UsageError(`can't read ${path}: ${(error as NodeJS.ErrnoException).code ?? error}`);
  }
}

function startOptions(options: Options): StartOptions {
  const { lr, label: labels, init, initScale, split, trainFraction, embedding, ...rest } = options;
  const parts = partsOf(options.preset);
  return {
    ...pick(rest),
    labels,
    learningRate: lr,
    grokfast: grokfastOf(options),
    embedding: embedding === undefined ? undefined : { dimension: embedding },
    snapshotSchedule: scheduleOf(options),
    measures: options.measure,
    init: whole(
      "--init-scale",
      "--init",
      initScale,
      init ?? parts.init,
      init,
      (kind): InitInput => ({ kind, scale: initScale }),
    ),
    split: whole(
      "--train-fraction",
      "--split",
      trainFraction,
      split ?? parts.split,
      split,
      (kind): SplitInput => ({ kind, fraction: trainFraction }),
    ),
  };
}

/** Without the global options. */
function pick({
  preset,
  seed,
  modulus,
  width,
  activation,
  task,
  optimizer,
  weightDecay,
  warmupSteps,
  recordEvery,
  engine,
  from,
}: Options): StartOptions {
  return {
    preset,
    seed,
    modulus,
    width,
    activation,
    task,
    optimizer,
    weightDecay,
    warmupSteps,
    recordEvery,
    engine,
    from,
  };
}

/** A part of the spec that has a kind and one number; nothing when neither is given. */
function whole<K, T>(
  numberFlag: string,
  kindFlag: string,
  value: number | undefined,
  kind: K | undefined,
  kindAsked: K | undefined,
  make: (kind: K) => T,
): T | undefined {
  if (value === undefined && kindAsked === undefined) return undefined;
  if (kind !== undefined) return make(kind);
  throw new UsageError(`${numberFlag} needs ${kindFlag} with a preset that is not known here`);
}
