import type { EngineInfo, PresetInfo, StorageInfo } from "@grokbox/sdk";
import type { Command } from "commander";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { count, duration, plural, size } from "../numbers.ts";
import type { Style } from "../output.ts";
import { type Column, properties, table } from "../table.ts";

export function addInfo(program: Command, line: CommandLine): void {
  program
    .command("info")
    .summary("the server: version, engines, presets, limits")
    .description("What the server is and can do: its version, engines, presets and limits.")
    .addHelpText(
      "after",
      examples(
        ["grokbox info", "the server that the other commands talk to"],
        ["grokbox info --server gpu-box:50051", "another"],
        ["GROKBOX_SERVER=gpu-box grokbox info --json | jq .version", "for scripts"],
      ),
    )
    .action(
      line.action(async (call) => {
        const box = await call.connect();
        const info = await box.info(call.limits);
        const { output, server } = call;
        const { style } = output;
        const { limits } = info;
        output.result({ address: box.address, ...info }, () => [
          `grokbox ${info.version} on ${style("bold", box.address)} (${server.from}), ${info.runtime}, up for ${duration(info.uptimeSeconds)}`,
          "",
          ...table(info.engines, engineColumns, output),
          ...info.engines.flatMap(({ name, fallbackReason }) =>
            fallbackReason === "" ? [] : [`  ${name}: ${fallbackReason}`],
          ),
          "",
          ...table(info.presets, presetColumns, output),
          "",
          ...properties(
            [
              ["sessions", count(limits.maxSessions)],
              ["snapshots", `${count(limits.maxSnapshotsPerSession)} a session`],
              ["history", `${count(limits.retainedProgressPoints)} points a session`],
              ["waiting calls", `${count(limits.maxQueuedCommands)} a session`],
              ["sweeps", `${count(limits.maxSweeps)}, of ${count(limits.maxSweepRuns)} runs at most`],
              ["upload", `${count(limits.maxUploadBytes / 2 ** 20)} MiB`],
              ...(info.storage === undefined ? [] : storageRows(info.storage, style)),
            ],
            style,
          ),
        ]);
      }),
    );
}

function storageRows(storage: StorageInfo, style: Style): (readonly [string, string])[] {
  const { durable, bytes, snapshots, alarm, checkpointEverySeconds } = storage;
  const held = `${size(bytes)}, ${plural(snapshots, "snapshot")}`;
  return [
    ["storage", durable ? `on disk, ${held}` : `in memory, gone when the server ends; ${held}`],
    ["checkpoints", durable ? `every ${duration(checkpointEverySeconds)}` : ""],
    ["alarm", alarm === "" ? "" : style("red", `nothing can be saved at the moment: ${alarm}`)],
  ];
}

const engineColumns: readonly Column<EngineInfo>[] = [
  { title: "ENGINE", value: ({ name }) => name },
  { title: "BUILD", value: ({ variant }) => variant },
  { title: "DEVICE", value: ({ device }) => device },
  { title: "THREADS", value: ({ threads }) => String(threads), align: "right" },
  { title: "PRECISION", value: ({ precision }) => precision },
  { title: "DETERMINISTIC", value: ({ deterministic }) => (deterministic ? "yes" : "no"), expendable: 1 },
];

const presetColumns: readonly Column<PresetInfo>[] = [
  { title: "PRESET", value: ({ name }) => name },
  { title: "STEPS", value: ({ steps }) => count(steps), align: "right" },
  { title: "", value: ({ description }) => description, expendable: 1, isFlexible: true },
];
