import type { SessionInfo } from "@grokbox/sdk";
import type { Command } from "commander";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { history } from "../history.ts";
import { count } from "../numbers.ts";
import { curves, pointRows } from "../point-text.ts";
import {
  labelsText,
  optimizerText,
  pairsText,
  progressText,
  stateFormat,
  stopText,
} from "../session-text.ts";
import { sessionArgument } from "../shared-options.ts";
import { properties } from "../table.ts";

/** Points of the curves; more are no finer on a terminal. */
const mostPoints = 5_000;

export function addShow(program: Command, line: CommandLine): void {
  program
    .command("show")
    .summary("a session: spec, state, measures, curves")
    .description("One session: its spec, its state, its newest measures and its curves.")
    .addArgument(sessionArgument())
    .addHelpText(
      "after",
      examples(["grokbox show ID", "for people"], ["grokbox show ID --json | jq .step", "for scripts"]),
    )
    .action(
      line.action<[string]>(async (call, [name]) => {
        await using session = await call.session(name);
        const { output, interrupt } = call;
        const { info } = session;
        const points = output.json ? [] : await history(session, mostPoints, interrupt);
        const { style } = output;
        const plots = curves(points, output.plotWidth, style);
        output.result(info, () => [
          `${style("bold", info.name)}  ${style(stateFormat(info) ?? "reset", progressText(info))}`,
          ...properties(sessionRows(info), style),
          ...(info.latest === undefined ? [] : ["", ...properties(pointRows(info.latest), style)]),
          ...(plots.length === 0 ? [] : ["", ...plots]),
        ]);
      }),
    );
}

function sessionRows(info: SessionInfo): (readonly [string, string])[] {
  const { spec, stages, stopReason, createTime, engine, engineReason, preset, events } = info;
  const { modulus, width, activation, task, init, schedule, split, seed } = spec;
  const scale = "scale" in init ? `, scale ${init.scale}` : "";
  return [
    ["preset", preset],
    ["network", `p ${modulus}, M ${count(width)}, ${activation}; learns ${task}`],
    ["init", `${init.kind}${scale}, seed ${seed}`],
    ["optimizer", `${optimizerText(spec)}, warm-up ${count(schedule.warmupSteps)} steps`],
    [
      "pairs",
      `${pairsText(info)}${"fraction" in split && split.fraction < 1 ? `, ${split.kind} split` : ""}`,
    ],
    ["engine", `${engine} (${engineReason})`],
    ["labels", labelsText(info)],
    ["made", createTime?.toISOString() ?? ""],
    ["stages", stagesText(stages)],
    ["stopped", stopReason === undefined ? "" : stopText(stopReason)],
    ...events.map(({ step, from, to }) => ["event", `step ${count(step)}: ${from} became ${to}`] as const),
  ];
}

function stagesText(stages: SessionInfo["stages"]): string {
  if (stages === undefined) return "";
  const { memorizationEnd, generalizationEnd } = stages;
  const ends = [
    memorizationEnd === undefined ? undefined : `memorization ended at ${count(memorizationEnd)}`,
    generalizationEnd === undefined ? undefined : `generalization at ${count(generalizationEnd)}`,
  ].filter((text) => text !== undefined);
  return ends.length === 0 ? (stages.current ?? "") : ends.join(", ");
}
