import { setTimeout as delay } from "node:timers/promises";
import { Grokbox, type Session } from "../sdk/src/mod.ts";
import { type CpuEngineOptions, openCpuEngine } from "../server/engine/cpu/cpu-engine.ts";
import type { Engine, Trainer } from "../server/engine/engine.ts";
import { type Effort, openTrainers, type Shape, secondsOf, stepsIn } from "./engine-speed.ts";
import { type Ratio, ratioOf, type Sample, sample, speed } from "./ratio.ts";
import { metric, startServerProcess } from "./server-process.ts";

export type { Ratio } from "./ratio.ts";

/** Speed of many trainers together. */
export interface CohortSpeed {
  /** `cpu addon` or `cpu wasm` */
  readonly engine: string;
  readonly isa: string;
  readonly p: number;
  readonly width: number;
  readonly threads: number;
  readonly cohort: number;
  /** Of one trainer alone on one thread. */
  readonly aloneStepsPerSecond: number;
  /** Of the cohort in one call of the engine, all its trainers together. */
  readonly stepsPerSecond: number;
  /** Cohort to alone. */
  readonly ratio: Ratio;
}

/** A server with many sessions that train in the background, against a cohort of the bare engine. */
export interface CohortServerSpeed {
  readonly engine: string;
  readonly p: number;
  readonly width: number;
  readonly threads: number;
  readonly cohort: number;
  readonly recordEvery: number;
  /** Of all trainers together. */
  readonly engineStepsPerSecond: number;
  readonly serverStepsPerSecond: number;
  /** Server to engine. */
  readonly ratio: Ratio;
}

/** Alternates between one trainer on one thread, and a cohort. */
export async function measureCohort(
  options: CpuEngineOptions & { readonly threads: number },
  shape: Shape,
  cohort: number,
  { rounds, milliseconds }: Effort,
): Promise<CohortSpeed> {
  const one = await openCpuEngine({ ...options, threads: 1 });
  const many = await openCpuEngine(options);
  try {
    const [alone] = await openTrainers(one, shape, 1);
    const trainers = await openTrainers(many, shape, cohort);
    const steps = await stepsIn(one, [alone], milliseconds);
    await speedOf(many, trainers, steps);
    const samples: Record<"alone" | "cohort", Sample[]> = { alone: [], cohort: [] };
    for (let round = 0; round < rounds; round++) {
      samples.alone.push(await speedOf(one, [alone], steps));
      samples.cohort.push(await speedOf(many, trainers, steps));
    }
    return {
      engine: `${many.name} ${many.variant}`,
      isa: many.isa,
      ...shape,
      threads: many.threads,
      cohort,
      aloneStepsPerSecond: speed(samples.alone),
      stepsPerSecond: speed(samples.cohort),
      ratio: ratioOf(samples.cohort, samples.alone, many.threads),
    };
  } finally {
    await one.close();
    await many.close();
  }
}

/**
 * Alternates between a cohort of the engine alone, and as many running sessions of a server in a process of its own; each for ten times
 * as long as other measurements, so that looking at the sessions doesn't count for much.
 */
export async function measureCohortServer(
  variant: "addon" | "wasm",
  threads: number,
  cohort: number,
  { rounds, milliseconds }: Effort,
): Promise<CohortServerSpeed> {
  const shape = { p: 23, width: 512 };
  const recordEvery = 100;
  const engine = await openCpuEngine({ variant, threads });
  const server = await startServerProcess("--threads", `${threads}`, "--cpu", variant);
  try {
    await using box = await Grokbox.connect(server.address);
    const trainers = await openTrainers(engine, shape, cohort);
    const sessions: Session[] = [];
    for (let seed = 0; seed < cohort; seed++) {
      sessions.push(await box.start({ preset: "standard", seed, recordEvery }));
    }
    const steps = await stepsIn(engine, trainers, 10 * milliseconds);
    const samples: Record<"engine" | "server", Sample[]> = { engine: [], server: [] };
    for (let round = -1; round < rounds; round++) {
      const bare = await speedOf(engine, trainers, steps);
      const whole = await speedOfSessions(sessions, 10 * milliseconds, server.webAddress);
      // The first round warms up.
      if (round < 0) continue;
      samples.engine.push(bare);
      samples.server.push(whole);
    }
    return {
      engine: `${engine.name} ${engine.variant}`,
      ...shape,
      threads,
      cohort,
      recordEvery,
      engineStepsPerSecond: speed(samples.engine),
      serverStepsPerSecond: speed(samples.server),
      ratio: ratioOf(samples.server, samples.engine, 1),
    };
  } finally {
    server.child.kill();
    await engine.close();
  }
}

/** Of all trainers together. */
async function speedOf(engine: Engine, trainers: readonly Trainer[], steps: number): Promise<Sample> {
  const before = process.cpuUsage();
  const seconds = await secondsOf(engine, trainers, steps);
  const { user, system } = process.cpuUsage(before);
  return sample(trainers.length * steps, seconds, (user + system) / 1e6);
}

/** While all train; how they begin and end is left out. */
async function speedOfSessions(
  sessions: readonly Session[],
  milliseconds: number,
  webAddress: string,
): Promise<Sample> {
  for (const session of sessions) await session.run().started;
  await delay(milliseconds / 10);
  const look = async () => {
    const infos = await Promise.all(sessions.map((session) => session.refresh()));
    const steps = infos.reduce((sum, { step }) => sum + step, 0);
    const cpuSeconds = await metric(webAddress, "process_cpu_seconds_total");
    return { steps, cpuSeconds, at: performance.now() };
  };
  const from = await look();
  await delay(milliseconds);
  const to = await look();
  for (const session of sessions) await session.pause();
  return sample(to.steps - from.steps, (to.at - from.at) / 1000, to.cpuSeconds - from.cpuSeconds);
}
