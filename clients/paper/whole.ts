import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { figures } from "@grokbox/figures";
import { Grokbox, type ServerInfo } from "@grokbox/sdk";
import { catalogue } from "./catalogue.ts";
import { Drawings } from "./drawings.ts";
import { Measurements } from "./measurements.ts";
import type { WholeOptions } from "./options.ts";
import { type ProgressBars, progressBars } from "./progress-bars.ts";
import { page } from "./report/page.ts";
import type { ReportData } from "./report/report-data.ts";
import { type Result, results, type Tally, tally } from "./results.ts";
import { publishedModulus, publishedSeed } from "./runs.ts";
import { type FinishedRun, planStudy, type StudyPlan, study } from "./study.ts";

/** What `--json` prints. */
export interface Summary {
  readonly p: number;
  readonly seed: number;
  /** Updates of all runs. */
  readonly steps: number;
  readonly seconds: { readonly total: number; readonly training: number };
  /** By id. */
  readonly figures: readonly string[];
  readonly skipped: StudyPlan["skipped"];
  readonly results: Tally;
  readonly resultsFile: string;
  readonly report: string;
}

/** What was made of the whole paper, and where it is. */
export interface Whole {
  readonly summary: Summary;
  readonly results: readonly Result[];
}

export interface WholeContext {
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly signal: AbortSignal;
  /** How the command was called. */
  readonly command: string;
}

/**
 * Makes all runs at once on a server, draws every figure as soon as its run has ended, and writes figures, numbers and the report.
 *
 * @param address - of the server
 */
export async function whole(address: string, options: WholeOptions, context: WholeContext): Promise<Whole> {
  const began = performance.now();
  const { stderr, signal } = context;
  const plan = planStudy(options);
  for (const { run, reason } of plan.skipped) stderr.write(`${run} is skipped: ${reason}\n`);
  await mkdir(options.out, { recursive: true });
  await using box = await Grokbox.connect(address, { signal });
  const bars = progressBars(stderr);
  try {
    return await make(box, plan, options, { ...context, bars, began });
  } finally {
    bars.stop();
  }
}

async function make(
  box: Grokbox,
  plan: StudyPlan,
  options: WholeOptions,
  { bars, began, command, signal }: WholeContext & { bars: ProgressBars; began: number },
): Promise<Whole> {
  const { modulus, seed, out } = options;
  const measurements = new Measurements();
  const drawings = new Drawings(box, out, signal);
  await drawings.clear();
  const made: FinishedRun[] = [];
  const [trainingSeconds, server] = await Promise.all([
    study(plan, options, {
      box,
      into: measurements,
      observer: bars,
      signal,
      snapshots: (name, end) => drawings.snapshots(name, end),
      made: async (run) => {
        made.push(run);
        await drawings.draw(run);
      },
    }),
    box.info({ signal }),
    drawings.draw(),
  ]);
  const steps = plan.runs.reduce((sum, run) => sum + run.steps, 0);
  measureCost(measurements, modulus, steps, trainingSeconds);
  const published = modulus === publishedModulus && seed === publishedSeed;
  const all = results(catalogue(modulus), measurements, {
    published,
    steps: Object.fromEntries(plan.runs.map(({ name, steps: updates }) => [name, updates])),
    skipped: plan.skipped.map(({ run }) => run),
  });
  const counts = tally(all);
  const report = join(out, "report.html");
  const resultsFile = join(out, "results.json");
  const data: ReportData = {
    modulus,
    seed,
    published,
    runs: inOrder(plan, made),
    skipped: plan.skipped,
    missing: drawings.missing(plan.skipped),
    pictures: drawings.pictures,
    results: all,
    tally: counts,
    made: {
      command,
      version: server.version,
      runtime: server.runtime,
      engine: engineOf(server, made),
      trainingSeconds,
      date: new Date(),
    },
  };
  await Promise.all([
    writeFile(report, page(data)),
    writeFile(
      resultsFile,
      `${JSON.stringify({ p: modulus, seed, ...counts, skipped: plan.skipped, results: all }, undefined, 1)}\n`,
    ),
  ]);
  const ids = drawings.pictures.map(({ id }) => id);
  return {
    results: all,
    summary: {
      p: modulus,
      seed,
      steps,
      seconds: { total: (performance.now() - began) / 1000, training: trainingSeconds },
      figures: figures.map(({ id }) => id).filter((id) => ids.includes(id)),
      skipped: plan.skipped,
      results: counts,
      resultsFile,
      report,
    },
  };
}

function inOrder(plan: StudyPlan, made: readonly FinishedRun[]): ReportData["runs"] {
  return plan.runs.flatMap(({ name, steps }) => {
    const run = made.find((one) => one.name === name);
    const trainLoss = run?.curve.at(-1)?.trainLoss ?? Number.NaN;
    return run === undefined
      ? []
      : [{ name, steps, width: run.session.info.spec.width, seconds: run.seconds, trainLoss }];
  });
}

function engineOf({ engines }: ServerInfo, [run]: readonly FinishedRun[]): string {
  const used = engines.find(({ name }) => name === run?.session.info.engine);
  if (used === undefined) return run?.session.info.engine ?? "";
  const { name, variant, device } = used;
  return `${name}, ${variant}, ${device}`;
}

/** Beside what the published code costs: the rate of all runs together, which go on at once, and what the demo's runs take at that rate. */
function measureCost(into: Measurements, modulus: number, steps: number, seconds: number): void {
  const rate = steps / seconds;
  const names = [
    "all pairs",
    ...(modulus === publishedModulus
      ? ["three quarters of the pairs", "PyTorch on one thread", "PyTorch on two threads"]
      : []),
  ];
  const where = "steps a second, all runs at once";
  into.add("cost", where, Object.fromEntries(names.map((name) => [`p = ${modulus}, ${name}`, rate])));
  if (modulus === publishedModulus) {
    into.add("cost", "minutes of training", { "p = 23, 80000 steps of five runs": 80_000 / rate / 60 });
  }
}
