import { existsSync } from "node:fs";
import { extname } from "node:path";
import type { Sweep, SweepInfo, SweepOptions } from "@grokbox/sdk";
import { Argument, type Command } from "commander";
import { checkWritable, writeWhole } from "../atomic-file.ts";
import type { Call } from "../call.ts";
import type { CommandLine } from "../command-line.ts";
import { exitCodes } from "../exit-code.ts";
import { isGrokboxError } from "../failure.ts";
import { examples } from "../help.ts";
import { LiveBlock } from "../live-block.ts";
import { measuresHelp } from "../measures.ts";
import { nextSteps } from "../output.ts";
import { outcomesText } from "../sweep-counts.ts";
import { invalidText } from "../sweep-file/invalid.ts";
import { FileRefusal } from "../sweep-file/refusal.ts";
import { parameterNames, readSweepFile } from "../sweep-file/sweep-file.ts";
import { SweepGroups } from "../sweep-groups.ts";
import { groupLines } from "../sweep-groups-table.ts";
import { sweepIdOf, sweepName } from "../sweep-name.ts";
import { encodeResults, resultsFormatOf } from "../sweep-results/results-file.ts";
import { progressLine, sweepGoesOn } from "../sweep-text.ts";
import { UsageError } from "../usage-error.ts";
import { Interruption } from "../world.ts";

interface Options {
  readonly out?: string;
  readonly detach?: true;
  readonly strict?: true;
}

/** Groups that are printed in the end; a file has all. */
const mostGroups = 100;

export function addSweep(program: Command, line: CommandLine): void {
  program
    .command("sweep")
    .summary("run many specs as one job, and look on")
    .description(
      "Starts the sweep that a YAML file describes, or looks on at one that there is, until every run has finished. Ctrl-C stops looking; the sweep goes on. Of measures, the table shows medians over seeds, of the times of stages also quartiles.",
    )
    .addArgument(new Argument("<file>", "a .yaml file to start; or ID or sweeps/ID, to look on again"))
    .option("--out <file>", "in the end, write a line a run to this file, .csv or .jsonl")
    .option("--strict", "refuse a file in which a cell is wrong; else the other cells run")
    .option("-d, --detach", "don't look on; with --out, write the runs that have finished by now")
    .addHelpText(
      "after",
      fileHelp() +
        examples(
          ["grokbox sweep decay.yaml --out decay.csv", "start, look on, keep the results"],
          ["grokbox sweep decay.yaml --detach", "leave it to the server"],
          ["grokbox sweep ID", "look on again"],
          ["grokbox sweep ID --detach --out now.jsonl", "what there is by now"],
        ),
    )
    .action(
      line.action<[string], Options>(async (call, [what]) => {
        const { out, detach, strict } = call.options;
        if (out !== undefined) {
          resultsFormatOf(out);
          checkWritable(out);
        }
        const isFile = existsSync(what) || [".yaml", ".yml", ".json"].includes(extname(what).toLowerCase());
        const options = isFile ? await optionsOf(what, strict) : undefined;
        if (strict && !isFile) throw new UsageError(`--strict is for a file; ${what} has begun already`);
        const name = isFile ? "" : sweepName(what);
        const box = await call.connect();
        await using sweep =
          options === undefined
            ? await box.openSweep(name, call.limits)
            : await box.sweep({ ...options, ...call.limits }).catch((error) => refused(error, options));
        if (options !== undefined && !call.output.json) call.output.say(invalidText(sweep.info, options));
        if (detach) return await detached(sweep, call);
        if (call.output.json) call.output.record({ kind: "started", sweep: sweep.info });
        return await lookOn(sweep, call);
      }),
    );
}

async function optionsOf(file: string, strict: true | undefined): Promise<SweepOptions> {
  const options = await readSweepFile(file);
  return strict ? { ...options, refuseInvalid: true } : options;
}

function refused(error: unknown, options: SweepOptions): never {
  throw isGrokboxError(error) && error.violations.length > 0 ? new FileRefusal(error, options) : error;
}

async function detached(sweep: Sweep, call: Call<Options>): Promise<undefined> {
  const { output } = call;
  const { info } = sweep;
  const written = await writeResults(sweep, call);
  output.result({ ...info, ...written }, () => [
    `${info.name} ${info.state === "running" ? "runs" : `is ${info.state}`}: ${outcomesText(info)}`,
  ]);
  const id = sweepIdOf(info.name);
  output.hint(
    nextSteps([
      [`grokbox sweep ${id}`, "look on"],
      [`grokbox sweep-pause ${id}`, "stop it for now"],
    ]),
  );
}

async function lookOn(sweep: Sweep, call: Call<Options>): Promise<number> {
  const { output, interrupt } = call;
  const groups = new SweepGroups(sweep.info);
  const block: LiveBlock = new LiveBlock(output, () => liveLines(sweep.info, groups, block.rows, output));
  if (sweep.info.state === "paused") output.hint([pausedText(sweep.info)]);
  let isOver = false;
  try {
    for await (const event of sweep.watch({ signal: interrupt })) {
      if (event.kind === "run") {
        groups.add(event);
        if (output.json) output.record(event);
      }
      block.touch();
    }
    isOver = true;
  } catch (error) {
    if (!interrupt.aborted) throw error;
  } finally {
    block.stop();
  }
  if (!isOver || interrupt.aborted) return leave(sweep, call);
  const info = await sweep.refresh(call.limits);
  const summary = () => [
    ...groupLines(groups, output, mostGroups),
    `${output.style("bold", info.name)} ${info.state}: ${outcomesText(info)}`,
  ];
  const written = await writeResults(sweep, call).catch((error) => {
    // What was waited for is told all the same.
    if (output.json) output.record({ kind: "end", sweep: info });
    else {
      output.print(summary());
      output.say(unwrittenText(info, call));
    }
    throw error;
  });
  if (output.json) output.record({ kind: "end", sweep: info, ...written });
  else {
    output.print(summary());
    output.hint(nextSteps([[`grokbox sweep-figure ${sweepIdOf(info.name)}`, "draw it"]]));
  }
  return info.state === "finished" ? exitCodes.ok : exitCodes.state;
}

function liveLines(
  info: SweepInfo,
  groups: SweepGroups,
  rows: number,
  { width, stderr, style }: Call<Options>["output"],
): string[] {
  const columns = Math.min(width, stderr.columns ?? 80);
  // One for the header, one for what is left out, one for the line below.
  return [
    ...groupLines(groups, { width: columns, style }, Math.max(1, rows - 3)),
    // It has been told of runs since.
    progressLine({ ...info, done: Math.max(info.done, groups.done) }, columns, style),
  ];
}

const pausedText = ({ name }: SweepInfo) =>
  `${name} is paused. Let it go on: grokbox sweep-resume ${sweepIdOf(name)}`;

/** How to get results that were asked for. */
function unwrittenText({ name }: SweepInfo, { options: { out } }: Call<Options>): string[] {
  if (out === undefined) return [];
  return [`Nothing was written to ${out}: grokbox sweep ${sweepIdOf(name)} --out ${out}`];
}

function leave({ info }: Sweep, call: Call<Options>): number {
  const { output, interrupt } = call;
  if (output.json) output.record({ kind: "interrupted", sweep: info.name });
  else {
    const [first = "", ...rest] = sweepGoesOn(info);
    output.say([`Stopped looking; ${first}`, ...rest, ...unwrittenText(info, call)]);
  }
  const { reason } = interrupt;
  return reason instanceof Interruption ? reason.exitCode : exitCodes.failure;
}

async function writeResults(
  sweep: Sweep,
  { options: { out }, limits }: Call<Options>,
): Promise<{ file?: string; bytes?: number }> {
  if (out === undefined) return {};
  const pieces = encodeResults(sweep.summaries(limits), sweep.info, resultsFormatOf(out));
  return { file: out, bytes: await writeWhole(out, pieces) };
}

function fileHelp(): string {
  return `
The file:
  title: how much decay
  base: {preset: grokking, width: 512}     # or specs: a list of such
  grid:                                    # every combination of these
    weight_decay: [0.5, 1, 2]
  seeds: {first: 0, count: 16}             # or a list
  until_step: 20000
  stop_when: test_accuracy >= 0.99 for 10  # or several; as of grokbox run

  More: labels, record_every, record_at, snapshot_at, max_parallel (8),
  keep_sessions (false), refuse_invalid (false), engine.
${measuresHelp("Swept can be", parameterNames)}`;
}
