import { Grokbox } from "../sdk/src/mod.ts";
import { openCpuEngine } from "../server/engine/cpu/cpu-engine.ts";
import type { Engine } from "../server/engine/engine.ts";
import { presetProblem } from "./problem.ts";
import { type Ratio, ratioOf, type Sample, sample, speed } from "./ratio.ts";
import { metric, startServerProcess } from "./server-process.ts";

/** A sweep of a server beside the bare engine with the same runs. */
export interface SweepSpeed {
  readonly preset: string;
  readonly seeds: number;
  /** Of each run. */
  readonly steps: number;
  readonly threads: number;
  /** Of all runs together, in one call of the engine. */
  readonly engineStepsPerSecond: number;
  /** From the call that starts the sweep to the last run's summary at the client. */
  readonly sweepStepsPerSecond: number;
  /** Sweep to engine. */
  readonly ratio: Ratio;
}

const preset = "grokking";
const seeds = Array.from({ length: 64 }, (_, i) => i + 1);

/**
 * In each round the engine makes half of its steps, a sweep runs to its end, and the engine makes the other half.
 *
 * @param steps - of each run
 */
export async function measureSweep(threads: number, rounds: number, steps: number): Promise<SweepSpeed> {
  const engine = await openCpuEngine({ threads });
  const { child, address, webAddress } = await startServerProcess("--threads", `${threads}`);
  const samples: Record<"bare" | "swept", Sample[]> = { bare: [], swept: [] };
  try {
    await using box = await Grokbox.connect(address);
    const sweep = async (runSteps: number) => {
      const busy = await metric(webAddress, "process_cpu_seconds_total");
      const began = performance.now();
      await using sweep = await box.sweep({ base: { preset }, seeds, untilStep: runSteps });
      let runs = 0;
      for await (const { step } of sweep.runs()) if (step === runSteps) runs++;
      if (runs !== seeds.length) throw new Error(`${runs} of ${seeds.length} runs reached their end`);
      const seconds = (performance.now() - began) / 1000;
      const cpuSeconds = (await metric(webAddress, "process_cpu_seconds_total")) - busy;
      await sweep.delete();
      return sample(seeds.length * runSteps, seconds, cpuSeconds);
    };
    await sweep(Math.min(steps, 100));
    for (let round = 0; round < rounds; round++) {
      const before = await cohort(engine, steps >> 1);
      samples.swept.push(await sweep(steps));
      const after = await cohort(engine, steps - (steps >> 1));
      const [seconds, cpuSeconds] = [before.seconds + after.seconds, before.cpuSeconds + after.cpuSeconds];
      samples.bare.push(sample(seeds.length * steps, seconds, cpuSeconds));
    }
  } finally {
    child.kill();
    await engine.close();
  }
  return {
    preset,
    seeds: seeds.length,
    steps,
    threads,
    engineStepsPerSecond: speed(samples.bare),
    sweepStepsPerSecond: speed(samples.swept),
    ratio: ratioOf(samples.swept, samples.bare, 1),
  };
}

/** What it takes all seeds to make so many steps in one call. */
async function cohort(engine: Engine, steps: number) {
  const trainers = await Promise.all(
    seeds.map((seed) => {
      const { problem, state } = presetProblem(preset, seed);
      return engine.open(problem, state);
    }),
  );
  const busy = process.cpuUsage();
  const began = performance.now();
  await Promise.all(engine.advance(trainers.map((trainer) => ({ trainer, steps }))));
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(busy);
  for (const trainer of trainers) trainer.close();
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}
