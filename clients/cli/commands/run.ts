import type { ProgressPoint, Run, RunPlan, Session, SessionInfo, StopCondition } from "@grokbox/sdk";
import type { Command } from "commander";
import type { Call } from "../call.ts";
import type { CommandLine } from "../command-line.ts";
import { exitCodes } from "../exit-code.ts";
import { examples } from "../help.ts";
import { measureNames, measuresHelp } from "../measures.ts";
import { count, duration } from "../numbers.ts";
import { nextSteps } from "../output.ts";
import { curves, pointRows } from "../point-text.ts";
import { idOf } from "../session-name.ts";
import { goesOn } from "../session-text.ts";
import { expectedStepOption, recordEveryOption, sessionArgument } from "../shared-options.ts";
import { stopText } from "../spec-text.ts";
import { stopCondition } from "../stop-condition.ts";
import { properties } from "../table.ts";
import { TrainingBar } from "../training-bar.ts";
import { integer, steps } from "../values.ts";
import { Interruption } from "../world.ts";

/** Points kept for the curves; more are no finer on a terminal. */
const mostPoints = 5_000;

interface Options {
  readonly until?: number;
  readonly stopWhen?: readonly StopCondition[];
  readonly snapshotAt?: readonly number[];
  readonly recordEvery?: number;
  readonly recordAt?: readonly number[];
  readonly expectedStep?: number;
  readonly detach?: true;
}

export function addRun(program: Command, line: CommandLine): void {
  program
    .command("run")
    .summary("train in the background, and look on")
    .description(
      "Trains in the background and looks on. Ctrl-C stops looking; the run goes on until its end or `grokbox pause`.",
    )
    .addArgument(sessionArgument())
    .option("--until <step>", "stop at this step; else only a condition or a pause stops it", integer)
    .option("--stop-when <condition>", "stop as soon as this holds; may be repeated", stopCondition)
    .option("--snapshot-at <steps>", "keep snapshots at these steps, such as 2200,10000", steps)
    .addOption(recordEveryOption("the session's own"))
    .option("--record-at <steps>", "steps to record besides", steps)
    .addOption(expectedStepOption())
    .option("-d, --detach", "don't look on: return as soon as it runs")
    .addHelpText(
      "after",
      conditionsHelp() +
        examples(
          ["grokbox run ID --until 20000 --snapshot-at 2200,10000", "train, and keep two snapshots"],
          [`grokbox run ID --stop-when 'test_accuracy >= 0.99 for 10'`, "until it has grokked"],
          ["grokbox run ID --until 50000 --detach", "leave it to the server"],
          [
            "grokbox run ID --until 1000 --json | jq -c 'select(.kind==\"point\")'",
            "one JSON document a line",
          ],
        ),
    )
    .action(
      line.action<[string], Options>(async (call, [name]) => {
        await using session = await call.session(name);
        const run = session.run({ ...planOf(call.options), deadlineMs: call.limits.deadlineMs });
        const started = await run.started;
        if (call.options.detach) return detached(started, call);
        if (call.output.json) call.output.record({ kind: "started", session: started });
        return await lookOn(session, run, started, call);
      }),
    );
}

function planOf(options: Options): RunPlan & { readonly expectedStep: number | undefined } {
  const { until, stopWhen, snapshotAt, recordEvery, recordAt, expectedStep } = options;
  return { untilStep: until, stopWhen, snapshotAt, recordEvery, recordAt, expectedStep };
}

function detached(info: SessionInfo, { output }: Call<Options>): undefined {
  const id = idOf(info.name);
  output.result(info, () => [`${info.name} runs${goal(info)}`]);
  output.hint(
    nextSteps([
      [`grokbox watch ${id}`, "look on"],
      [`grokbox pause ${id}`, "stop it"],
    ]),
  );
}

async function lookOn(
  session: Session,
  run: Run,
  started: SessionInfo,
  call: Call<Options>,
): Promise<number> {
  const { output, interrupt } = call;
  const bar = new TrainingBar(output, started.step, started.run?.untilStep ?? call.options.until);
  const unfollow = bar.follow(session, interrupt);
  const letGo = () => void session[Symbol.asyncDispose]();
  interrupt.addEventListener("abort", letGo);
  if (interrupt.aborted) letGo();
  const began = performance.now();
  let points: ProgressPoint[] = [];
  let end: SessionInfo | undefined;
  try {
    for await (const point of run) {
      if (output.json) output.record(point);
      else points.push(point);
      if (points.length > mostPoints) points = points.filter((_, i) => i % 2 === 0);
      bar.update(point);
    }
    end = await run.finished;
  } catch (error) {
    if (!interrupt.aborted) throw error;
  } finally {
    unfollow();
    bar.stop();
  }
  if (end === undefined || interrupt.aborted) return leave(started, call);
  tell(end, end.step - started.step, (performance.now() - began) / 1_000, points, call);
  const { kind } = end.stopReason ?? {};
  return kind === "target" || kind === "condition" ? exitCodes.ok : exitCodes.state;
}

function leave(info: SessionInfo, { output, interrupt }: Call<Options>): number {
  if (output.json) output.record({ kind: "interrupted", session: info.name });
  else {
    const [first = "", ...rest] = goesOn(info);
    output.say([`Stopped looking; ${first}`, ...rest]);
  }
  const { reason } = interrupt;
  return reason instanceof Interruption ? reason.exitCode : exitCodes.failure;
}

function tell(
  info: SessionInfo,
  made: number,
  seconds: number,
  points: readonly ProgressPoint[],
  { output }: Call<Options>,
): void {
  if (output.json) {
    output.record({ kind: "end", session: info, seconds });
    return;
  }
  const { style } = output;
  const id = idOf(info.name);
  const plots = curves(points, output.plotWidth, style);
  const speed = `${count(made)} steps in ${duration(seconds)}, ${count(made / seconds)} steps/s`;
  output.print([
    `${style("bold", info.name)} ${info.stopReason === undefined ? "stopped" : stopText(info.stopReason)} (${speed})`,
    ...(info.latest === undefined ? [] : properties(pointRows(info.latest), style)),
    ...(plots.length === 0 ? [] : ["", ...plots]),
  ]);
  output.hint(
    nextSteps([
      [`grokbox spectrum ${id}`, "what it learned"],
      [`grokbox swap ${id} abs x^4 exp --evaluate-only`, "under others"],
    ]),
  );
}

function goal({ run }: SessionInfo): string {
  return run?.untilStep === undefined ? "" : ` to step ${count(run.untilStep)}`;
}

function conditionsHelp(): string {
  return `
Conditions:
  MEASURE >= VALUE or MEASURE <= VALUE, with "for N" N recorded times in a row
  (accuracies and other shares are 0 to 1: 0.9, not 90%);
  "plateau", or "plateau for STEPS": no loss and no accuracy moves any more.
${measuresHelp("Measures, the last ones of sessions that take them (grokbox measures)", measureNames)}`;
}
