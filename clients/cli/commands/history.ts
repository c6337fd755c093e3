import type { ProgressPoint } from "@grokbox/sdk";
import { type Command, Option } from "commander";
import { checkWritable, isFile, writeWhole } from "../atomic-file.ts";
import type { Call } from "../call.ts";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { encoderOf, type HistoryFormat, historyFormatOf, historyFormats } from "../history-file/formats.ts";
import { plural } from "../numbers.ts";
import { sessionArgument } from "../shared-options.ts";
import { UsageError } from "../usage-error.ts";
import { integer } from "../values.ts";

interface Options {
  readonly output?: string;
  readonly format?: HistoryFormat;
  readonly from?: number;
}

export function addHistory(program: Command, line: CommandLine): void {
  program
    .command("history")
    .summary("all recorded points as CSV, JSON lines or Parquet")
    .description(
      "The progress points that the server retains, as CSV, JSON lines or Parquet, to stdout or to a file.",
    )
    .addArgument(sessionArgument())
    .option("-o, --output <file>", "write to this file, whose extension says the format")
    .addOption(
      new Option("--format <name>", "else by --output's extension, else csv").choices(historyFormats),
    )
    .option("--from <sequence>", "begin with the point of this number; else the oldest", integer)
    .addHelpText(
      "after",
      examples(
        ["grokbox history ID > run.csv", "for a spreadsheet"],
        ["grokbox history ID -o run.parquet", `then: pd.read_parquet("run.parquet")`],
        ["grokbox history ID --json | jq -c '[.step, .trainLoss]'", "one JSON document a line"],
      ),
    )
    .action(
      line.action<[string], Options>(async (call, [name]) => {
        const format = formatOf(call);
        if (call.options.output !== undefined) checkWritable(call.options.output);
        await using session = await call.session(name);
        const { output, limits, options } = call;
        let points = 0;
        async function* counted(): AsyncGenerator<ProgressPoint, void, undefined> {
          for await (const point of session.history({ ...limits, from: options.from, pageSize: 5_000 })) {
            points++;
            yield point;
          }
        }
        const pieces = (await encoderOf(format))(counted(), session.info);
        if (options.output === undefined) {
          for await (const piece of pieces) await output.write(piece);
          return;
        }
        const path = options.output;
        const bytes = await writeWhole(path, pieces);
        output.result({ session: name, file: path, format, points, bytes }, () =>
          isFile(path) ? [`${path}: ${plural(points, "point")} of ${name}`] : [],
        );
      }),
    );
}

function formatOf({ options: { output: path, format, json = false }, output }: Call<Options>): HistoryFormat {
  if (path !== undefined) {
    const found = format ?? historyFormatOf(path);
    if (found === undefined) {
      throw new UsageError(`${path} does not say its format; add --format ${historyFormats.join(", ")}`);
    }
    return found;
  }
  if (json && format !== undefined && format !== "jsonl") {
    throw new UsageError(`--json prints JSON lines; for ${format} add --output FILE`);
  }
  if (format === "parquet" && output.isOnTerminal) {
    throw new UsageError("Parquet is nothing for a terminal; add --output FILE");
  }
  return format ?? (json ? "jsonl" : "csv");
}
