import { Grokbox } from "../sdk/src/mod.ts";
import { openCpuEngine } from "../server/engine/cpu/cpu-engine.ts";
import type { Engine, Trainer } from "../server/engine/engine.ts";
import type { Ratio } from "./cohort.ts";
import { openTrainers, secondsOf, stepsIn } from "./engine-speed.ts";
import { metric, type ServerProcess, startServerProcess } from "./server-process.ts";
import { median } from "./statistics.ts";

/** A sweep over seeds of preset `grokking`, from its start to its last summary, against a cohort of the bare engine. */
export interface SweepSpeed {
  readonly engine: string;
  readonly p: number;
  readonly width: number;
  readonly threads: number;
  readonly seeds: number;
  /** Of each run. */
  readonly steps: number;
  readonly maxParallel: number;
  /** Of all trainers together. */
  readonly engineStepsPerSecond: number;
  readonly sweepStepsPerSecond: number;
  /** Sweep to engine, round by round. */
  readonly ratio: Ratio;
}

const maxParallel = 8;

/** Of all updates that were made, by the process that made them. */
interface Effort {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** Alternates between the engine alone, for half as many updates before and after, and a sweep of a server in a process of its own. */
export async function measureSweep(
  variant: "addon" | "wasm",
  { threads, seeds, steps, rounds }: Record<"threads" | "seeds" | "steps" | "rounds", number>,
): Promise<SweepSpeed> {
  const shape = { p: 23, width: 512 };
  const engine = await openCpuEngine({ variant, threads });
  const server = await startServerProcess("--threads", `${threads}`, "--cpu", variant);
  try {
    await using box = await Grokbox.connect(server.address);
    const trainers = await openTrainers(engine, shape, maxParallel);
    await stepsIn(engine, trainers, 1_000);
    await sweepOnce(box, server, { seeds: maxParallel, steps });
    const half = Math.round((seeds * steps) / maxParallel / 2);
    const engineEfforts: Effort[] = [];
    const sweepEfforts: Effort[] = [];
    for (let round = 0; round < rounds; round++) {
      const before = await advance(engine, trainers, half);
      sweepEfforts.push(await sweepOnce(box, server, { seeds, steps }));
      const after = await advance(engine, trainers, half);
      engineEfforts.push({
        seconds: before.seconds + after.seconds,
        cpuSeconds: before.cpuSeconds + after.cpuSeconds,
      });
    }
    const speed = (efforts: readonly Effort[]) =>
      median(efforts.map(({ seconds }) => (seeds * steps) / seconds));
    const ratios = sweepEfforts.map(({ seconds }, i) => engineEfforts[i].seconds / seconds);
    const byTime = sweepEfforts.map(({ cpuSeconds }, i) => engineEfforts[i].cpuSeconds / cpuSeconds);
    return {
      engine: `${engine.name} ${engine.variant}`,
      ...shape,
      ...{ threads, seeds, steps, maxParallel },
      engineStepsPerSecond: speed(engineEfforts),
      sweepStepsPerSecond: speed(sweepEfforts),
      ratio: {
        median: median(ratios),
        least: Math.min(...ratios),
        most: Math.max(...ratios),
        byProcessorTime: median(byTime),
      },
    };
  } finally {
    server.child.kill();
    await engine.close();
  }
}

async function advance(engine: Engine, trainers: readonly Trainer[], steps: number): Promise<Effort> {
  const before = process.cpuUsage();
  const seconds = await secondsOf(engine, trainers, steps);
  const { user, system } = process.cpuUsage(before);
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}

/** From the call that starts it to its last summary. */
async function sweepOnce(
  box: Grokbox,
  { webAddress }: ServerProcess,
  { seeds, steps }: Record<"seeds" | "steps", number>,
): Promise<Effort> {
  const cpuSeconds = () => metric(webAddress, "process_cpu_seconds_total");
  const before = await cpuSeconds();
  const began = performance.now();
  await using sweep = await box.sweep({
    base: { preset: "grokking" },
    seeds: Array.from({ length: seeds }, (_, i) => i),
    untilStep: steps,
    maxParallel,
  });
  for await (const { outcome } of sweep.runs())
    if (outcome !== "target") throw new Error(`a run of the sweep ended as ${outcome}`);
  const seconds = (performance.now() - began) / 1000;
  const effort = { seconds, cpuSeconds: (await cpuSeconds()) - before };
  await sweep.delete();
  return effort;
}
