import type { ProgressPoint, Session } from "@grokbox/sdk";
import type { Command } from "commander";
import type { Call } from "../call.ts";
import type { CommandLine } from "../command-line.ts";
import { examples } from "../help.ts";
import { count } from "../numbers.ts";
import { pointRows } from "../point-text.ts";
import { idOf } from "../session-name.ts";
import { expectedStepOption, sessionArgument } from "../shared-options.ts";
import { properties } from "../table.ts";
import { TrainingBar } from "../training-bar.ts";
import { integer } from "../values.ts";
import { Interruption } from "../world.ts";

interface Options {
  readonly expectedStep?: number;
}

export function addStep(program: Command, line: CommandLine): void {
  program
    .command("step")
    .summary("train a number of steps, and wait")
    .description(
      "Trains a number of steps and waits. Ctrl-C ends it; the steps made are kept. See `run` for long training.",
    )
    .addArgument(sessionArgument())
    .argument("[steps]", "updates to make", integer, 1)
    .addOption(expectedStepOption())
    .addHelpText(
      "after",
      examples(
        ["grokbox step ID 100", "make 100 updates and print what they led to"],
        ["grokbox step ID 100 --expected-step 0", "only if nobody else has trained it (exit code 4 if so)"],
        ["grokbox step ID 100 --json | jq .point.trainLoss", "for scripts"],
      ),
    )
    .action(
      line.action<[string, number], Options>(async (call, [name, steps]) => {
        await using session = await call.session(name);
        try {
          const point = await stepWithBar(session, steps, call);
          const { style } = call.output;
          call.output.result({ session: session.info, point }, () => [
            `${session.name} is at step ${style("bold", count(point.step))}`,
            ...properties(pointRows(point), style),
          ]);
        } catch (error) {
          const { reason } = call.interrupt;
          if (call.output.json || !(reason instanceof Interruption)) throw error;
          call.output.say([
            `Interrupted. ${session.name} keeps the steps that it has made: grokbox show ${idOf(session.name)}`,
          ]);
          return reason.exitCode;
        }
      }),
    );
}

async function stepWithBar(session: Session, steps: number, call: Call<Options>): Promise<ProgressPoint> {
  const { step, latest } = session.info;
  const bar = new TrainingBar(call.output, step, step + steps);
  const watching = new AbortController();
  const unfollow = bar.follow(session, watching.signal);
  const watch = call.output.isAttended
    ? show(session, bar, (latest?.sequence ?? 0) + 1, watching.signal)
    : Promise.resolve();
  try {
    return await session.step(steps, { ...call.limits, expectedStep: call.options.expectedStep });
  } finally {
    unfollow();
    watching.abort();
    await watch;
    bar.stop();
  }
}

/** What the bar shows is no result, so it may fail. */
async function show(session: Session, bar: TrainingBar, from: number, signal: AbortSignal): Promise<void> {
  try {
    for await (const event of session.watch({ from, signal })) if (event.kind === "point") bar.update(event);
  } catch {}
}
