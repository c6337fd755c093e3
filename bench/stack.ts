import { Grokbox, type Session } from "../sdk/src/mod.ts";
import { openCpuEngine } from "../server/engine/cpu/cpu-engine.ts";
import type { Trainer } from "../server/engine/engine.ts";
import { standardProblem } from "./problem.ts";
import { startServerProcess } from "./server-process.ts";
import { median } from "./statistics.ts";

/** Speed of a background run with one subscriber, against the engine alone. */
export interface StackSpeed {
  readonly p: number;
  readonly width: number;
  readonly threads: number;
  readonly recordEvery: number;
  /** The engine alone, in one call. */
  readonly engineStepsPerSecond: number;
  /** A server in a process of its own, driven and watched through the SDK. */
  readonly stackStepsPerSecond: number;
  /** Median of the rounds' ratios, stack to engine. */
  readonly ratio: number;
}

const shape = { p: 23, width: 512 };
const recordEvery = 100;

/**
 * Alternates between the engine alone and a whole server, so that both see the same machine. The server is a process of its own, as in
 * use; the subscriber is in this one and reads every point.
 *
 * @param steps - of each measurement
 */
export async function measureStack(threads: number, rounds: number, steps: number): Promise<StackSpeed> {
  const engine = await openCpuEngine({ threads });
  const { problem, state } = standardProblem(shape);
  const trainer = await engine.open(problem, state);
  const { child, address } = await startServerProcess("--threads", `${threads}`);
  const alone: number[] = [];
  const whole: number[] = [];
  try {
    await using box = await Grokbox.connect(address);
    await using session = await box.start({ preset: "standard", recordEvery });
    await engineSpeed(trainer, steps);
    await stackSpeed(session, steps);
    for (let round = 0; round < rounds; round++) {
      alone.push(await engineSpeed(trainer, steps));
      whole.push(await stackSpeed(session, steps));
    }
  } finally {
    child.kill();
    await engine.close();
  }
  return {
    ...shape,
    threads,
    recordEvery,
    engineStepsPerSecond: median(alone),
    stackStepsPerSecond: median(whole),
    ratio: median(whole.map((speed, i) => speed / alone[i])),
  };
}

async function engineSpeed(trainer: Trainer, steps: number): Promise<number> {
  const began = performance.now();
  await trainer.advance(steps);
  return (steps * 1000) / (performance.now() - began);
}

async function stackSpeed(session: Session, steps: number): Promise<number> {
  const { step } = await session.refresh();
  const began = performance.now();
  let points = 0;
  for await (const point of session.run({ untilStep: step + steps })) points += point.step > step ? 1 : 0;
  const seconds = (performance.now() - began) / 1000;
  if (points !== steps / recordEvery) throw new Error(`${points} points instead of ${steps / recordEvery}`);
  return steps / seconds;
}
