import type { Snapshot } from "@grokbox/sdk";
import type { Command } from "commander";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { age, count, plural, size } from "../numbers.ts";
import { nextSteps } from "../output.ts";
import { scheduleText } from "../schedule-options.ts";
import { idOf } from "../session-name.ts";
import { sessionArgument } from "../shared-options.ts";
import { type Column, table } from "../table.ts";

export function addSnapshots(program: Command, line: CommandLine): void {
  program
    .command("snapshots")
    .summary("a session's snapshots")
    .description("The snapshots of a session that the server keeps, latest step first.")
    .addArgument(sessionArgument())
    .addHelpText(
      "after",
      examples(
        ["grokbox snapshots ID", "for people"],
        ["grokbox snapshots ID --json | jq '.snapshots[].step'", "their steps"],
        ["grokbox delete ID@2200", "one less"],
      ),
    )
    .action(
      line.action<[string]>(async (call, [name]) => {
        await using session = await call.session(name);
        const snapshots: Snapshot[] = [];
        for await (const snapshot of session.snapshots({ ...call.limits, pageSize: 1_000 })) {
          snapshots.push(snapshot);
        }
        const { output } = call;
        output.result({ session: name, snapshots }, () =>
          snapshots.length === 0 ? [] : table(snapshots, columns, output),
        );
        const schedule = scheduleText(session.info.snapshotSchedule);
        const id = idOf(name);
        output.hint([
          snapshots.length === 0 ? `${name} has no snapshots.` : plural(snapshots.length, "snapshot"),
          ...(schedule === "" ? [] : [`Kept by itself: ${schedule}.`]),
          ...nextSteps([
            [`grokbox fork ${id}@STEP`, "another course from one of them on"],
            [`grokbox schedule ${id} --snapshot-every 500`, "keep them by itself"],
          ]),
        ]);
      }),
    );
}

const columns: readonly Column<Snapshot>[] = [
  { title: "STEP", value: ({ step }) => count(step), align: "right" },
  { title: "KIND", value: ({ kind }) => kind },
  { title: "AGE", value: ({ createTime }) => age(createTime), align: "right", expendable: 1 },
  { title: "SIZE", value: ({ bytes }) => size(bytes), align: "right", expendable: 2 },
  { title: "FORKS", value: ({ forks }) => (forks === 0 ? "" : count(forks)), align: "right" },
  { title: "LABEL", value: ({ label }) => label, isFlexible: true },
];
