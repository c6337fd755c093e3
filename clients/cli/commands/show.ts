import type { SessionEvent, SessionInfo } from "@grokbox/sdk";
import type { Command } from "commander";
import { changesText } from "../changes-text.ts";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { history } from "../history.ts";
import { measuresText } from "../measure-options.ts";
import { age, count } from "../numbers.ts";
import type { Style } from "../output.ts";
import { curves, pointRows } from "../point-text.ts";
import { scheduleText } from "../schedule-options.ts";
import { idOf } from "../session-name.ts";
import { labelsText, progressText, stateFormat } from "../session-text.ts";
import { sessionArgument } from "../shared-options.ts";
import { embeddingText, optimizerText, pairsText, stopText } from "../spec-text.ts";
import { properties } from "../table.ts";
import { actionText, conditionText, firedText } from "../trigger-text.ts";

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
        const { output, limits } = call;
        const { info } = session;
        const points = output.json ? [] : await history(session, mostPoints, limits);
        const { style } = output;
        const plots = curves(points, output.plotWidth, style);
        output.result(info, () => [
          `${style("bold", info.name)}  ${style(stateFormat(info) ?? "reset", progressText(info))}`,
          ...properties(sessionRows(info, style), style),
          ...(info.latest === undefined ? [] : ["", ...properties(pointRows(info.latest), style)]),
          ...(plots.length === 0 ? [] : ["", ...plots]),
        ]);
      }),
    );
}

function sessionRows(info: SessionInfo, style: Style): (readonly [string, string])[] {
  const { spec, stages, stopReason, createTime, engine, engineReason, preset, events, triggers } = info;
  const { modulus, width, activation, task, init, schedule, split, seed } = spec;
  const embedding = spec.embedding === undefined ? "" : `, learned ${embeddingText(spec)}`;
  const scale = "scale" in init ? `, scale ${init.scale}` : "";
  return [
    ["preset", preset],
    ["forked from", parentText(info)],
    ["made by", info.sweep === undefined ? "" : `run ${info.sweep.run} of ${info.sweep.name}`],
    ["network", `p ${modulus}, M ${count(width)}${embedding}, ${activation}; learns ${task}`],
    ["init", `${init.kind}${scale}, seed ${seed}`],
    ["optimizer", `${optimizerText(spec)}, warm-up ${count(schedule.warmupSteps)} steps`],
    [
      "pairs",
      `${pairsText(info)}${"fraction" in split && split.fraction < 1 ? `, ${split.kind} split` : ""}`,
    ],
    ["engine", `${engine} (${engineReason})`],
    ["labels", labelsText(info)],
    ["made", createTime?.toISOString() ?? ""],
    ["on disk", durabilityText(info)],
    ["alarm", alarmText(info, style)],
    ["snapshots", scheduleText(info.snapshotSchedule)],
    ["measures", measuresText(info.measures)],
    ...triggers.map(
      (trigger) =>
        [
          "trigger",
          `${trigger.name}: when ${conditionText(trigger)}, ${actionText(trigger)} (${firedText(trigger)})`,
        ] as const,
    ),
    ["stages", stagesText(stages)],
    ["stopped", stopReason === undefined ? "" : stopText(stopReason)],
    ...events.map((event) => ["event", `step ${count(event.step)}: ${eventText(event)}`] as const),
  ];
}

function parentText({ parent }: SessionInfo): string {
  if (parent === undefined) return "";
  const changes = changesText(parent.changes);
  return `${idOf(parent.snapshot)}${changes === "" ? "" : ` with ${changes}`}`;
}

function durabilityText({ durability }: SessionInfo): string {
  if (durability === undefined) return "";
  const { committedStep, commitTime } = durability;
  return `step ${count(committedStep)}${commitTime === undefined ? "" : `, ${age(commitTime)} ago`}`;
}

function alarmText({ durability }: SessionInfo, style: Style): string {
  const alarm = durability?.alarm ?? "";
  return alarm === "" ? "" : style("red", `later steps are not on disk: ${alarm}`);
}

function eventText(event: SessionEvent): string {
  switch (event.kind) {
    case "activation-swapped":
      return `${event.from} became ${event.to}`;
    case "engine-moved":
      return `moved from ${event.from} to ${event.to}`;
    case "snapshot-restored":
      return `put back from step ${count(event.fromStep)}`;
    case "session-forked":
      return `forked as ${idOf(event.session)}`;
    case "trigger-fired":
      // It begins with the trigger's name.
      return event.detail;
  }
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
