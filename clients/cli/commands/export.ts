import { extname } from "node:path";
import type { FileFormat } from "@grokbox/sdk";
import { type Command, Option } from "commander";
import { checkWritable, isFile, writeWhole } from "../atomic-file.ts";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { count, size } from "../numbers.ts";
import { nextSteps } from "../output.ts";
import { idOf, type StateName } from "../session-name.ts";
import { stateArgument } from "../shared-options.ts";
import { TransferBar } from "../transfer-bar.ts";
import { UsageError } from "../usage-error.ts";

interface Options {
  readonly output?: string;
  readonly format?: FileFormat;
}

const formats: readonly FileFormat[] = ["safetensors", "npz"];

export function addExport(program: Command, line: CommandLine): void {
  program
    .command("export")
    .summary("download a snapshot as a safetensors or NumPy file")
    .description(
      "Downloads a snapshot as one file that PyTorch (safetensors) or NumPy (npz) reads: weights, moments, training pairs, spec. Of a present state a snapshot is kept first.",
    )
    .addArgument(stateArgument())
    .option("-o, --output <file>", "to write; else ID-STEP.safetensors or .npz here")
    .addOption(
      new Option("--format <name>", "else by --output's extension, else safetensors").choices(formats),
    )
    .addHelpText(
      "after",
      examples(
        ["grokbox export ID@2200 -o run.safetensors", `then: safetensors.torch.load_file(...)`],
        ["grokbox export ID -o run.npz", `then: np.load("run.npz")["theta"]`],
        ["grokbox start --weights run.safetensors", "and in again"],
      ),
    )
    .action(
      line.action<[StateName], Options>(async (call, [{ session: name, step: at }]) => {
        const format = formatOf(call.options);
        // Before a snapshot is kept for it.
        checkWritable(call.options.output ?? `${idOf(name)}.${format}`);
        await using session = await call.session(name);
        await using exported = await session.export(at, { ...call.limits, format });
        const { snapshot, totalBytes } = exported;
        const path = call.options.output ?? `${idOf(name)}-${snapshot.step}.${format}`;
        const { output } = call;
        const bytes = await writeWhole(path, new TransferBar(output, totalBytes).follow(exported));
        const { sha256 } = exported;
        const { step } = snapshot;
        output.result({ snapshot: snapshot.name, step, file: path, format, bytes, sha256 }, () =>
          isFile(path) ? [path] : [],
        );
        output.hint([
          `${name} at step ${count(step)}, ${size(bytes)}`,
          ...(format === "safetensors"
            ? nextSteps([[`grokbox start --weights ${path}`, "another session from it"]])
            : []),
        ]);
      }),
    );
}

function formatOf({ output, format }: Options): FileFormat {
  if (format !== undefined) return format;
  if (output === undefined) return "safetensors";
  const extension = extname(output).slice(1).toLowerCase();
  const found = formats.find((known) => known === extension);
  if (found !== undefined) return found;
  throw new UsageError(`${output} does not say its format; add --format ${formats.join(" or ")}`);
}
