import type { SessionInfo, SessionState } from "@grokbox/sdk";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { stateNames } from "../names.ts";
import { age, count, measure, percent } from "../numbers.ts";
import { stageFormat } from "../point-text.ts";
import { idOf } from "../session-name.ts";
import { labelsText, stateFormat } from "../session-text.ts";
import { specText } from "../spec-text.ts";
import { sweepName } from "../sweep-name.ts";
import { type Column, table } from "../table.ts";
import { label } from "../values.ts";

/** In place of a sweep's name: of whichever. */
const anySweep = "sweeps/-";

interface Options {
  readonly state?: readonly SessionState[];
  readonly label?: Readonly<Record<string, string>>;
  readonly sweep?: string;
}

export function addList(program: Command, line: CommandLine): void {
  program
    .command("list")
    .alias("ls")
    .summary("the sessions on the server")
    .description("The sessions on the server, newest first.")
    .option("--state <states>", `only those in these states: ${stateNames.join(", ")}`, states)
    .option("--label <key=value>", "only those that carry it; may be repeated", label)
    .addOption(
      new Option("--sweep <sweep>", "those that this sweep made, in place of those that none made").argParser(
        sweepName,
      ),
    )
    .addHelpText(
      "after",
      examples(
        ["grokbox list --state running,paused", "only those"],
        ["grokbox list --label who=me", "only those with a label"],
        ["grokbox list --sweep ID", "those of a sweep"],
        ["grokbox list --json | jq -r '.sessions[].name'", "their names"],
      ),
    )
    .action(
      line.action<[], Options>(async (call) => {
        const box = await call.connect();
        const { state, label: labels, sweep } = call.options;
        const infos: SessionInfo[] = [];
        const filter = { ...call.limits, state, labels, sweep };
        for await (const session of box.sessions(filter)) infos.push(session.info);
        // Sessions that were to stay outlive their sweep, so that it is missed only where there are none.
        if (infos.length === 0 && sweep !== undefined && sweep !== anySweep) {
          await box.openSweep(sweep, call.limits);
        }
        const { output } = call;
        output.result({ sessions: infos }, () => (infos.length === 0 ? [] : table(infos, columns, output)));
        const alarms = new Set(infos.flatMap(({ durability }) => durability?.alarm || []));
        output.hint([...alarms].map((alarm) => `Steps are not saved at the moment: ${alarm}`));
        if (infos.length > 0) return;
        output.hint([
          state === undefined && labels === undefined && sweep === undefined
            ? `No sessions on ${call.server.address}. Make one: grokbox start --preset grokking`
            : `No such sessions on ${call.server.address}.`,
        ]);
      }),
    );
}

function states(text: string, before: readonly SessionState[] = []): SessionState[] {
  const given = text.split(",").map((name) => {
    const state = stateNames.find((known) => known === name.trim());
    if (state === undefined) throw new InvalidArgumentError(`${name} is none of ${stateNames.join(", ")}.`);
    return state;
  });
  return [...before, ...given];
}

function hasAlarm(durability: SessionInfo["durability"]): boolean {
  return durability !== undefined && durability.alarm !== "";
}

const columns: readonly Column<SessionInfo>[] = [
  { title: "ID", value: ({ name }) => idOf(name) },
  { title: "STATE", value: ({ state }) => state, format: stateFormat },
  { title: "STEP", value: ({ step }) => count(step), align: "right" },
  {
    title: "ALARM",
    value: ({ durability }) => (hasAlarm(durability) ? "not saved" : ""),
    format: () => "red",
  },
  { title: "LOSS", value: ({ latest }) => measure(latest?.trainLoss), align: "right", expendable: 2 },
  { title: "TRAIN", value: ({ latest }) => percent(latest?.trainAccuracy), align: "right", expendable: 4 },
  { title: "TEST", value: ({ latest }) => percent(latest?.testAccuracy), align: "right", expendable: 3 },
  {
    title: "STAGE",
    value: ({ stages }) => stages?.current ?? "",
    format: ({ stages }) => stageFormat(stages?.current),
    expendable: 5,
  },
  { title: "ENGINE", value: ({ engine }) => engine, expendable: 8 },
  { title: "AGE", value: ({ createTime }) => age(createTime), align: "right", expendable: 6 },
  { title: "PRESET", value: ({ preset }) => preset, expendable: 7 },
  { title: "LABELS", value: labelsText, expendable: 9 },
  { title: "SPEC", value: ({ spec }) => specText(spec), expendable: 10, isFlexible: true },
];
