import type { EngineInfo, EngineTiming, MemoryInfo, PresetInfo, ServerInfo, StorageInfo } from "@grokbox/sdk";
import type { Command } from "commander";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { count, duration, plural, size } from "../numbers.ts";
import type { Output, Style } from "../output.ts";
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
          ...table(engineRows(info), engineColumns, output),
          ...info.engines.flatMap(({ name, fallbackReason }) =>
            fallbackReason === "" ? [] : [`  ${name}: ${fallbackReason}`],
          ),
          ...info.absentEngines.map(({ name, reason }) => `  no ${name}: ${reason}`),
          ...timingLines(info.engines, output),
          "",
          ...table(info.presets, presetColumns, output),
          "",
          ...properties(
            [
              ["sessions", count(limits.maxSessions)],
              ["snapshots", `${count(limits.maxSnapshotsPerSession)} a session`],
              ["history", `${count(limits.retainedProgressPoints)} points a session`],
              ["waiting calls", `${count(limits.maxQueuedCommands)} a session`],
              ["memory", info.memory === undefined ? "" : memoryText(info.memory)],
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

/** An engine with where its sessions are. */
type EngineRow = EngineInfo & { readonly held: MemoryInfo | undefined };

const engineRows = ({ engines, memory }: ServerInfo): EngineRow[] =>
  engines.map((engine) => ({ ...engine, held: engine.memory ?? memory }));

const memoryText = ({ usedBytes, limitBytes }: MemoryInfo) =>
  `${size(usedBytes)} of ${size(limitBytes)} in use`;

interface TimedNetwork {
  readonly network: string;
  readonly engine: string;
  readonly timing: EngineTiming;
}

/** The calibration: what each engine makes of each network that was timed. */
function timingLines(engines: readonly EngineInfo[], output: Output): string[] {
  const rows = engines.flatMap(({ name, timings }) =>
    timings.map((timing) => {
      const { modulus, width } = timing;
      return { network: `p ${modulus}, M ${count(width)}`, engine: name, timing, order: modulus * width };
    }),
  );
  rows.sort((a, b) => a.order - b.order);
  return rows.length === 0 ? [] : ["", ...table<TimedNetwork>(rows, timingColumns, output)];
}

const timingColumns: readonly Column<TimedNetwork>[] = [
  { title: "NETWORK", value: ({ network }) => network },
  { title: "ENGINE", value: ({ engine }) => engine },
  { title: "STEPS/S", value: ({ timing }) => speed(timing.stepsPerSecond), align: "right" },
  {
    title: "SIDE BY SIDE",
    value: ({ timing: { cohort } }) =>
      cohort === undefined ? "" : `${speed(cohort.stepsPerSecond)} of ${count(cohort.sessions)}`,
    align: "right",
  },
];

const speed = (stepsPerSecond: number) =>
  stepsPerSecond >= 10 ? count(Math.round(stepsPerSecond)) : stepsPerSecond.toPrecision(2);

const engineColumns: readonly Column<EngineRow>[] = [
  { title: "ENGINE", value: ({ name }) => name },
  { title: "BUILD", value: ({ variant }) => variant },
  { title: "DEVICE", value: ({ device }) => device },
  { title: "ISA", value: ({ isa }) => isa, expendable: 2 },
  { title: "THREADS", value: ({ threads }) => (threads === 0 ? "" : String(threads)), align: "right" },
  { title: "PRECISION", value: ({ precision }) => precision },
  { title: "DETERMINISTIC", value: ({ deterministic }) => (deterministic ? "yes" : "no"), expendable: 1 },
  { title: "MEMORY", value: ({ held }) => (held === undefined ? "" : memoryText(held)), expendable: 3 },
];

const presetColumns: readonly Column<PresetInfo>[] = [
  { title: "PRESET", value: ({ name }) => name },
  { title: "STEPS", value: ({ steps }) => count(steps), align: "right" },
  { title: "", value: ({ description }) => description, expendable: 1, isFlexible: true },
];
