import type { ProgressPoint, Session } from "@grokbox/sdk";
import { type Command, Option } from "commander";
import type { Call } from "../call.ts";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { plural } from "../numbers.ts";
import { extraColumns, pointColumns } from "../point-text.ts";
import { goesOn, progressText } from "../session-text.ts";
import { sessionArgument } from "../shared-options.ts";
import { layout } from "../table.ts";
import { integer } from "../values.ts";
import { Interruption } from "../world.ts";

interface Options {
  readonly last?: number;
  readonly all?: true;
  readonly untilIdle?: true;
}

const shownAtFirst = 10;

export function addWatch(program: Command, line: CommandLine): void {
  program
    .command("watch")
    .summary("print progress points as they come")
    .description(
      "Prints progress points as they come, after the last few there are. Ctrl-C stops watching and nothing else.",
    )
    .addArgument(sessionArgument())
    .option("--last <points>", `begin with so many that there are; else ${shownAtFirst}`, integer)
    .addOption(new Option("--all", "begin with all that the server retains").conflicts("last"))
    .option("--until-idle", "end when no run is under way any more")
    .addHelpText(
      "after",
      examples(
        ["grokbox watch ID", "look on"],
        ["grokbox watch ID --all --until-idle --json > run.ndjson", "its history to a file"],
      ),
    )
    .action(
      line.action<[string], Options>(async (call, [name]) => {
        await using session = await call.session(name);
        try {
          await show(session, call);
        } catch (error) {
          const { reason } = call.interrupt;
          if (!(reason instanceof Interruption)) throw error;
          call.output.hint(await farewell(session));
          return reason.exitCode;
        }
      }),
    );
}

async function show(session: Session, { output, options, interrupt }: Call<Options>): Promise<void> {
  const { info } = session;
  const newest = info.latest?.sequence ?? 0;
  const from = options.all ? 1 : Math.max(1, newest + 1 - (options.last ?? shownAtFirst));
  output.hint([`${info.name} is ${progressText(info)}. Ctrl-C stops watching.`]);
  const hasTest = info.pairCounts.test > 0;
  const common = hasTest
    ? pointColumns
    : pointColumns.filter(({ title }) => !["TEST LOSS", "TEST", "HELD OUT", "STAGE"].includes(title));
  const columns = [...common, ...extraColumns(info.measures)];
  const { header, row } = layout<ProgressPoint>(columns, [], output);
  if (!output.json) output.print([header]);
  for await (const event of session.watch({
    from,
    untilIdle: options.untilIdle ?? false,
    signal: interrupt,
  })) {
    if (output.json) output.record(event);
    else if (event.kind === "point") output.print([row(event)]);
    else if (event.kind === "reset")
      output.say([
        "What follows is another course: the session was put back to a snapshot, or went another way than before a crash.",
      ]);
    else {
      const missed = event.lastSequence - event.firstSequence + 1;
      output.say([`${plural(missed, "point")} left the retained history before they could be shown.`]);
    }
  }
}

/** What goes on without us. */
async function farewell(session: Session): Promise<string[]> {
  const info = await session.refresh({ deadlineMs: 1_000 }).catch(() => session.info);
  if (info.run === undefined) return [`Stopped watching; ${info.name} is ${progressText(info)}.`];
  const [first = "", ...rest] = goesOn(info);
  return [`Stopped watching; ${first}`, ...rest];
}
