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
  measure(): Promise<Sample>;
}

/** A run with a test set, so that nothing is absent; p = 23, M = 512. */
const preset = "grokking";
const steps = 2_000;
const never = 1_000_000;

/**
 * All ways take turns with recording nothing, round by round, the engine and a server each against its own.
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
async function compare(ways: readonly Way[], threads: number, rounds: number): Promise<RecordingCost[]> {
  const samples = ways.map((): Sample[] => []);
  for (let round = -1; round < rounds; round++) {
    for (const [i, way] of ways.entries()) {
      const measured = await way.measure();
      // The first round warms up.
      if (round >= 0) samples[i].push(measured);
    }
  }
  return ways.slice(1).map(({ through, what, every }, i) => ({
    through,
    what,
    p: 23,
    width: 512,
    threads,
    every,
    stepsPerSecond: speed(samples[i + 1]),
    noneStepsPerSecond: speed(samples[0]),
    ratio: ratioOf(samples[i + 1], samples[0], 1),
  }));
}

function engineWay(trainer: Trainer, what: string, every: number): Way {
  const measureAt = Array.from({ length: Math.floor(steps / every) }, (_, i) => (i + 1) * every);
  return {
    through: "engine",
    what,
    every,
    measure: () => timed(() => trainer.advance(steps, { measureAt }), ownCpuSeconds),
  };
}

function serverWay(session: Session, webAddress: string, what: string, isWatched: boolean): Way {
  return {
    through: "server",
    what,
    every: session.info.recordEvery,
    measure: async () => {
      const { step } = await session.refresh();
      const train = async () => {
        const run = session.run({ untilStep: step + steps });
        if (isWatched) for await (const _ of run);
        else await run.finished;
      };
      return timed(train, () => metric(webAddress, "process_cpu_seconds_total"));
    },
  };
}

/** @param cpuSeconds - that the computing process has used so far */
async function timed(
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
