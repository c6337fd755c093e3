import { extraMeasures, Grokbox, type Session, type StartOptions } from "../sdk/src/mod.ts";
import { openCpuEngine } from "../server/engine/cpu/cpu-engine.ts";
import type { Trainer } from "../server/engine/engine.ts";
import { presetProblem } from "./problem.ts";
import { type Ratio, ratioOf, type Sample, sample, speed } from "./ratio.ts";
import { metric, startServerProcess } from "./server-process.ts";

/** What it costs to record, against recording nothing. */
export interface RecordingCost {
  /** `engine` or `server`. */
  readonly through: string;
  readonly what: string;
  readonly p: number;
  readonly width: number;
  readonly threads: number;
  /** Steps between records. */
  readonly every: number;
  readonly stepsPerSecond: number;
  readonly noneStepsPerSecond: number;
  /** Recording to none; the cost is what it lacks of 1. */
  readonly ratio: Ratio;
}

/** One way to run, to be held against recording nothing. */
interface Way {
  readonly through: string;
  readonly what: string;
  readonly every: number;
  measure(steps: number): Promise<Sample>;
}

/** A run with a test set, so that nothing is absent; p = 23, M = 512. */
const preset = "grokking";
const warmUpSteps = 1_000;
/** Of a measurement: long beside what a run costs to begin and to end, short beside what else the machine does. */
const seconds = 0.5;
const never = 1_000_000;

/**
 * Each way takes turns with recording nothing, round by round, the engine and a server each against its own.
 *
 * The engine returns loss and accuracies of every step of every call, so there is no engine without them to hold them against: they are
 * in every figure here. A point that a server records has them, the norms, and by default the measures of the spectra that the four panels
 * show; where those are scheduled so rarely that they are never due, it has losses, accuracies and norms alone. Nobody watches, but where
 * it says so: then this process reads every point as it comes.
 */
export async function measureRecording(threads: number, rounds: number): Promise<RecordingCost[]> {
  const engine = await openCpuEngine({ threads });
  const { child, address, webAddress } = await startServerProcess("--threads", `${threads}`);
  try {
    await using box = await Grokbox.connect(address);
    const { problem, state } = presetProblem(preset, 42);
    const trainer = await engine.open(problem, state);
    const inServer = async (options: StartOptions, what: string, isWatched = false) => {
      const session = await box.start({ preset, ...options });
      return serverWay(session, webAddress, what, isWatched);
    };
    // The other one is of x^2 with SGD alone.
    const all = extraMeasures.filter((measure) => measure !== "misalignmentError");
    const spectral = ["iprTheta", "iprXi", "thetaCosineFit", "xiCosineFit"] as const;
    const without = [
      { measure: "ipr", every: never },
      { measure: "meanAbsSinMisalignment", every: never },
    ] as const;
    const engineWays = [
      engineWay(trainer, "nothing", never),
      engineWay(trainer, "spectral measures", 10),
      engineWay(trainer, "spectral measures", 1),
    ];
    const serverWays = [
      await inServer({ recordEvery: never }, "nothing"),
      await inServer({ recordEvery: 1, measures: without }, "a point with losses and accuracies"),
      await inServer(
        { recordEvery: 1, measures: without },
        "a point with losses and accuracies, watched",
        true,
      ),
      await inServer({ recordEvery: 1 }, "a point"),
      await inServer({ recordEvery: 1 }, "a point, watched", true),
      await inServer({ recordEvery: 10 }, "a point"),
      await inServer({ recordEvery: 10, measures: spectral }, "a point with the other spectral measures"),
      await inServer({ recordEvery: 10, measures: all }, `a point with all ${all.length} extra measures`),
    ];
    const costs: RecordingCost[] = [];
    for (const ways of [engineWays, serverWays]) costs.push(...(await compare(ways, threads, rounds)));
    return costs;
  } finally {
    child.kill();
    await engine.close();
  }
}

/** The first way is the one without. */
async function compare(
  [nothing, ...ways]: readonly Way[],
  threads: number,
  rounds: number,
): Promise<RecordingCost[]> {
  const costs: RecordingCost[] = [];
  for (const way of ways) {
    const steps = { none: await stepsOf(nothing), some: await stepsOf(way) };
    const [without, recorded]: [Sample[], Sample[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      without.push(await nothing.measure(steps.none));
      recorded.push(await way.measure(steps.some));
    }
    costs.push({
      through: way.through,
      what: way.what,
      p: 23,
      width: 512,
      threads,
      every: way.every,
      stepsPerSecond: speed(recorded),
      noneStepsPerSecond: speed(without),
      ratio: ratioOf(recorded, without, 1),
    });
  }
  return costs;
}

/** So many that they are a measurement. They warm up, too. */
async function stepsOf(way: Way): Promise<number> {
  const { stepsPerSecond } = await way.measure(warmUpSteps);
  return Math.ceil((seconds * stepsPerSecond) / 100) * 100;
}

function engineWay(trainer: Trainer, what: string, every: number): Way {
  return {
    through: "engine",
    what,
    every,
    measure: (steps) => {
      const measureAt = Array.from({ length: Math.floor(steps / every) }, (_, i) => (i + 1) * every);
      return timed(steps, () => trainer.advance(steps, { measureAt }), ownCpuSeconds);
    },
  };
}

function serverWay(session: Session, webAddress: string, what: string, isWatched: boolean): Way {
  return {
    through: "server",
    what,
    every: session.info.recordEvery,
    measure: async (steps) => {
      const { step } = await session.refresh();
      const train = async () => {
        const run = session.run({ untilStep: step + steps });
        if (isWatched) for await (const _ of run);
        else await run.finished;
      };
      return timed(steps, train, () => metric(webAddress, "process_cpu_seconds_total"));
    },
  };
}

/** @param cpuSeconds - that the computing process has used so far */
async function timed(
  steps: number,
  work: () => Promise<unknown>,
  cpuSeconds: () => number | Promise<number>,
): Promise<Sample> {
  const busy = await cpuSeconds();
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  return sample(steps, seconds, (await cpuSeconds()) - busy);
}

function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
