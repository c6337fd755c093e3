import type { SweepInfo } from "@grokbox/sdk";
import type { Command } from "commander";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { age, count, duration } from "../numbers.ts";
import { outcomesText } from "../sweep-counts.ts";
import { sweepIdOf } from "../sweep-name.ts";
import { sweepFormat } from "../sweep-text.ts";
import { type Column, table } from "../table.ts";

export function addSweeps(program: Command, line: CommandLine): void {
  program
    .command("sweeps")
    .summary("the sweeps on the server")
    .description("The sweeps on the server, newest first.")
    .addHelpText(
      "after",
      examples(
        ["grokbox sweeps", "how they go"],
        ["grokbox sweeps --json | jq -r '.sweeps[].name'", "their names"],
      ),
    )
    .action(
      line.action(async (call) => {
        const box = await call.connect();
        const infos: SweepInfo[] = [];
        for await (const sweep of box.sweeps(call.limits)) infos.push(sweep.info);
        const { output } = call;
        output.result({ sweeps: infos }, () => (infos.length === 0 ? [] : table(infos, columns, output)));
        if (infos.length === 0)
          output.hint([`No sweeps on ${call.server.address}. Start one: grokbox sweep FILE.yaml`]);
      }),
    );
}

const columns: readonly Column<SweepInfo>[] = [
  { title: "ID", value: ({ name }) => sweepIdOf(name) },
  { title: "STATE", value: ({ state }) => state, format: sweepFormat },
  { title: "RUNS", value: ({ done, runs }) => `${count(done)}/${count(runs)}`, align: "right" },
  {
    title: "LEFT",
    value: ({ secondsLeft }) => (secondsLeft === undefined ? "" : duration(secondsLeft)),
    align: "right",
    expendable: 1,
  },
  { title: "AGE", value: ({ createTime }) => age(createTime), align: "right", expendable: 3 },
  { title: "TITLE", value: ({ title }) => title, expendable: 2 },
  { title: "OUTCOMES", value: outcomesText, expendable: 4, isFlexible: true },
];
