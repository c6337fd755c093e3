import type { Session, Threshold, Trigger, TriggerActionInput, TriggerInput } from "@grokbox/sdk";
import { type Command, Option } from "commander";
import { addChangesOptions, type ChangesOptions, changesNames, changesOf } from "../changes-options.ts";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { measureNames, measuresHelp, snakeCase } from "../measures.ts";
import { labelOption, sessionArgument } from "../shared-options.ts";
import { threshold } from "../stop-condition.ts";
import { type Column, table } from "../table.ts";
import { actionText, conditionText, firedText } from "../trigger-text.ts";
import { UsageError } from "../usage-error.ts";
import { integer } from "../values.ts";

type Action = TriggerActionInput["kind"];

interface Options extends ChangesOptions {
  readonly add?: string;
  readonly remove?: readonly string[];
  readonly clear?: true;
  readonly when?: Threshold;
  readonly do?: Action;
  readonly repeat?: true;
  readonly snapshotLabel?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly until?: number;
}

export function addTriggers(program: Command, line: CommandLine): void {
  const command = program
    .command("triggers")
    .summary("what a session does when a measure crosses a value")
    .description(
      "Prints a session's triggers, adds one, or removes some. A trigger keeps a snapshot, pauses, or forks when a measure crosses a value.",
    )
    .addArgument(sessionArgument())
    .option("--add <name>", "add one of this name, or replace it; needs --when and --do")
    .option("--when <condition>", "such as 'test_accuracy >= 0.99 for 10'", (text) => threshold(text))
    .addOption(new Option("--do <action>", "what it does then").choices(["snapshot", "pause", "fork"]))
    .option("--repeat", "each time that it becomes true anew, not only once")
    .option("--snapshot-label <text>", "with --do snapshot: label of the snapshot")
    .addOption(labelOption("with --do fork: of the new session"))
    .option("--until <step>", "with --do fork: train the new session to this step", integer);
  addChangesOptions(command)
    .option("--remove <name>", "remove it; may be repeated", (name, before: readonly string[] = []) => [
      ...before,
      name,
    ])
    .option("--clear", "remove all")
    .addHelpText(
      "after",
      `${measuresHelp("Measures, the last ones of sessions that take them (grokbox measures)", measureNames)}${examples(
        [
          "grokbox triggers ID --add end --when 'test_accuracy >= 0.99' --do pause",
          "stop when it has grokked",
        ],
        [
          "grokbox triggers ID --add b --when 'ipr >= 0.5' --do fork --weight-decay 0",
          "in another session, go on without decay from there",
        ],
        ["grokbox triggers ID --remove end", "not any more"],
      )}`,
    )
    .action(
      line.action<[string], Options>(async (call, [name]) => {
        const { options, output } = call;
        checkFlags(options);
        await using session = await call.session(name);
        const wanted = wantedOf(session, options);
        if (wanted !== undefined) await session.setTriggers(wanted, call.limits);
        const { info } = session;
        output.result(info, () => (info.triggers.length === 0 ? [] : table(info.triggers, columns, output)));
        if (info.triggers.length === 0) output.hint([`${name} has no triggers.`]);
      }),
    );
}

/** Refuses what would be dropped: flags that come without --add, or that say more of another action. */
function checkFlags(options: Options): void {
  const { add, do: action } = options;
  const details: Readonly<Record<Action, readonly string[]>> = {
    snapshot: ["snapshotLabel"],
    pause: [],
    fork: ["label", "until", ...changesNames()],
  };
  if (add === undefined)
    need("--add NAME", ["when", "do", "repeat", ...Object.values(details).flat()], options);
  if (action === undefined) return;
  for (const [other, names] of Object.entries(details)) {
    if (other !== action) need(`--do ${other}`, names, options);
  }
}

function need(what: string, names: readonly string[], options: object): void {
  const flags = names
    .filter((name) => name in options)
    .map((name) => `--${snakeCase(name).replaceAll("_", "-")}`);
  if (flags.length === 0) return;
  throw new UsageError(`${flags.join(" and ")} ${flags.length === 1 ? "needs" : "need"} ${what}`);
}

/** All that the session is to have; nothing when it is only to be looked at. */
function wantedOf(session: Session, options: Options): TriggerInput[] | undefined {
  const { add, remove = [], clear } = options;
  const { triggers } = session.info;
  const unknown = remove.find((name) => triggers.every((trigger) => trigger.name !== name));
  if (unknown !== undefined) throw new UsageError(`${session.name} has no trigger ${unknown}`);
  const added = add === undefined ? [] : [addedOf(add, session, options)];
  if (added.length === 0 && remove.length === 0 && !clear) return undefined;
  const kept = clear ? [] : triggers.filter(({ name }) => name !== add && !remove.includes(name));
  return [...kept, ...added];
}

function addedOf(name: string, session: Session, options: Options): TriggerInput {
  const { when, repeat = false } = options;
  if (when === undefined || options.do === undefined) throw new UsageError("--add needs --when and --do");
  return { name, when, action: actionOf(options.do, session, options), repeat };
}

function actionOf(kind: Action, { info }: Session, options: Options): TriggerActionInput {
  switch (kind) {
    case "snapshot":
      return { kind, label: options.snapshotLabel };
    case "pause":
      return { kind };
    case "fork":
      return {
        kind,
        changes: changesOf(options, info.spec),
        labels: options.label,
        runUntilStep: options.until,
      };
  }
}

const columns: readonly Column<Trigger>[] = [
  { title: "NAME", value: ({ name }) => name },
  { title: "WHEN", value: conditionText },
  { title: "DOES", value: actionText },
  { title: "FIRED", value: firedText, format: ({ lastError }) => (lastError === "" ? undefined : "red") },
];
