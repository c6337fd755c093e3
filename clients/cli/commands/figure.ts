import type { Drawing, Figure } from "@grokbox/figures";
import type { Grokbox, PresetName, Session } from "@grokbox/sdk";
import { Argument, type Command, Option } from "commander";
import { checkWritable, writeWhole } from "../atomic-file.ts";
import type { Call } from "../call.ts";
import type { CommandLine } from "../command-line.ts";
import { encoded, formatOf } from "../drawing-file.ts";
import { examples } from "../help.ts";
import { count } from "../numbers.ts";
import { presetNames } from "../presets.ts";
import { sessionName } from "../session-name.ts";
import { TrainingBar } from "../training-bar.ts";
import { UsageError } from "../usage-error.ts";
import { integer, steps } from "../values.ts";

interface Options {
  readonly session?: string;
  readonly preset?: PresetName;
  readonly at?: readonly number[];
  readonly neuron?: number;
  readonly output?: string;
}

export function addFigure(program: Command, line: CommandLine): void {
  program
    .command("figure")
    .summary("draw a figure or table of the paper")
    .description(
      "Draws a figure of the paper from a session: 2 to 17 (of 13 there are 13a and 13b), and the tables swap and example. With a preset, that run is trained first, as far as the figure needs, and deleted afterwards. Without arguments: which there are.",
    )
    .addArgument(new Argument("[figure]", "2 to 17, 13a, 13b, swap or example"))
    .addOption(
      new Option("--session <session>", "ID or sessions/ID").argParser(sessionName).conflicts("preset"),
    )
    .addOption(new Option("--preset <name>", "a published run, trained for it").choices(presetNames))
    .option("--at <steps>", "steps to show, of which snapshots are kept; else those of the paper", steps)
    .option("--neuron <number>", "of figures of one neuron; else the paper's", integer)
    .option("-o, --output <file>", "to write, .svg, .png or .json (data and Vega-Lite); else figure-N.svg")
    .addHelpText(
      "after",
      examples(
        ["grokbox figure 14 --preset grokking -o grokking.png", "train the paper's run, and draw it"],
        ["grokbox figure 3 --session ID --at 2200", "of a snapshot"],
        ["grokbox figure 17 --session ID --at 0,2200,10000 -o spectra.svg", "of three"],
        ["grokbox figure 5 --session ID -o phases.json", "its data, and its specification"],
      ),
    )
    .action(
      line.action<[string | undefined], Options>(async (call, [id]) => {
        const { figures } = await import("@grokbox/figures");
        if (id === undefined) {
          checkNothingIsDrawn(call.options);
          return list(figures, call);
        }
        const figure = figures.find((known) => known.id === id);
        if (figure === undefined) {
          throw new UsageError(`no figure ${id}; there are ${figures.map((known) => known.id).join(", ")}`);
        }
        checkOptions(figure, call.options);
        const path = call.options.output ?? `figure-${id}.svg`;
        const format = formatOf(path);
        checkWritable(path);
        const drawing = await draw(figure, call);
        const bytes = await writeWhole(path, [await encoded(drawing, format)]);
        const { title, session, steps: shown } = drawing;
        call.output.result({ figure: id, title, session, steps: shown, file: path, format, bytes }, () => [
          path,
        ]);
        call.output.hint([drawing.caption]);
      }),
    );
}

/** Without a figure they would do nothing. */
function checkNothingIsDrawn({ session, preset, at, neuron, output }: Options): void {
  const given = Object.entries({ output, session, preset, at, neuron }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`],
  );
  if (given.length === 0) return;
  const list = [given.slice(0, -1).join(", "), ...given.slice(-1)].filter((part) => part !== "");
  throw new UsageError(`${list.join(" and ")} ${given.length === 1 ? "needs" : "need"} a figure, such as 14`);
}

/** The figure of an ideal network of its own. */
const ideal = "example";

/** Before anything is trained for a figure that can't be drawn, or is drawn without what was said. */
function checkOptions(figure: Figure, { session, preset, at, neuron }: Options): void {
  const { id } = figure;
  if (neuron !== undefined && !figure.hasNeuron) {
    throw new UsageError(`--neuron is for figures of one neuron; figure ${id} is not`);
  }
  const ofRun = preset !== undefined ? "--preset" : at !== undefined ? "--at" : undefined;
  if (figure.preset === undefined && ofRun !== undefined) {
    throw new UsageError(`${ofRun} is for figures of a run; figure ${id} is of none`);
  }
  if (id === ideal && session !== undefined) {
    throw new UsageError(`--session is for figures of a session; figure ${id} is of none`);
  }
  const steps = [...new Set(at)];
  if (figure.steps.length === 1 && steps.length > 1) {
    throw new UsageError(`figure ${id} shows one step; got ${steps.join(", ")}`);
  }
}

function list(figures: readonly Figure[], { output }: Call<Options>): void {
  const rows = figures.map(({ id, title, preset, steps: shown }) => ({
    figure: id,
    title,
    preset,
    steps: shown,
  }));
  output.result(rows, () =>
    rows.map(({ figure, title, preset }) => `${figure.padEnd(9)}${(preset ?? "-").padEnd(18)}${title}`),
  );
}

function checkNeuron(neuron: number | undefined, { info: { spec } }: Session): void {
  if (neuron === undefined || neuron < spec.width) return;
  throw new UsageError(`--neuron must be 0 to ${spec.width - 1}; got ${neuron}`);
}

async function draw(figure: Figure, call: Call<Options>): Promise<Drawing> {
  const { session: name, preset, at, neuron } = call.options;
  const { signal } = call.limits;
  if (figure.preset !== undefined && name === undefined && preset === undefined) {
    throw new UsageError(
      `say what to draw it of: --session ID, or --preset ${figure.preset} as in the paper`,
    );
  }
  const box = await call.connect();
  const source = { box, at, neuron, signal };
  if (name !== undefined) {
    await using session = await call.session(name);
    checkNeuron(neuron, session);
    return await figure.draw({ ...source, session });
  }
  if (figure.preset === undefined || preset === undefined) return figure.draw(source);
  const session = await trained(box, figure, preset, call);
  try {
    return await figure.draw({ ...source, session });
  } finally {
    await session.delete();
  }
}

/** A session of a preset, trained as far as the figure needs, with the snapshots that it shows. */
async function trained(
  box: Grokbox,
  figure: Figure,
  preset: PresetName,
  call: Call<Options>,
): Promise<Session> {
  const { limits, options, output, interrupt } = call;
  const until = Math.max(1, ...(options.at ?? figure.steps));
  // Without the signal: given up on the way, it might be made all the same, and stay.
  const { deadlineMs } = limits;
  const session = await box.start({ preset, labels: { purpose: `figure-${figure.id}` }, deadlineMs });
  try {
    interrupt.throwIfAborted();
    checkNeuron(options.neuron, session);
    const kept = [...new Set([...figure.snapshots(until), ...(options.at ?? [])])].sort((a, b) => a - b);
    if (kept.includes(0)) await session.snapshot(limits);
    const run = session.run({ untilStep: until, snapshotAt: kept.filter((step) => step > 0), ...limits });
    const bar = new TrainingBar(output, 0, until);
    const unfollow = bar.follow(session, interrupt);
    try {
      for await (const point of run) bar.update(point);
    } finally {
      unfollow();
      bar.stop();
    }
    const { step, stopReason } = await run.finished;
    if (step < until)
      throw new Error(`training stopped at step ${count(step)}: ${stopReason?.detail ?? "no reason given"}`);
    return session;
  } catch (error) {
    // What was made only for this is not left behind.
    await session.pause().catch(() => {});
    await session.delete().catch(() => {});
    throw error;
  }
}
