import { openCpuEngine } from "../server/engine/cpu/cpu-engine.ts";
import type { Engine, Trainer } from "../server/engine/engine.ts";
import type { Backend } from "../server/engine/tensorflow/backend.ts";
import { openTensorflowEngine } from "../server/engine/tensorflow/tensorflow-engine.ts";
import { type Effort, openTrainers, type Shape, secondsOf, stepsIn } from "./engine-speed.ts";
import { median } from "./statistics.ts";

/** The tensorflow engine on one of its backends, beside the cpu engine on one thread. */
export interface TensorflowSpeed {
  readonly backend: Backend;
  /** Of the engine measured, for people. */
  readonly device: string;
  readonly p: number;
  readonly width: number;
  readonly stepsPerSecond: number;
  /** `addon` or `wasm` */
  readonly cpuVariant: string;
  readonly cpuStepsPerSecond: number;
  /** How many times as long a step takes as on the cpu engine: the median over rounds, and the extremes. */
  readonly cost: { readonly median: number; readonly least: number; readonly most: number };
}

/** Alternates between the two engines, one trainer each. */
export async function measureTensorflow(
  backend: Backend,
  shape: Shape,
  { rounds, milliseconds }: Effort,
): Promise<TensorflowSpeed> {
  const cpu = await openCpuEngine({ threads: 1 });
  try {
    const engine = await openTensorflowEngine({ backend, evaluator: cpu });
    try {
      const measured = await prepare(engine, shape, milliseconds);
      const reference = await prepare(cpu, shape, milliseconds);
      const speeds: { tensorflow: number; cpu: number }[] = [];
      for (let round = 0; round < rounds; round++) {
        speeds.push({ tensorflow: await measured(), cpu: await reference() });
      }
      const costs = speeds.map((speed) => speed.cpu / speed.tensorflow);
      return {
        backend,
        device: engine.device,
        ...shape,
        stepsPerSecond: median(speeds.map((speed) => speed.tensorflow)),
        cpuVariant: cpu.variant,
        cpuStepsPerSecond: median(speeds.map((speed) => speed.cpu)),
        cost: { median: median(costs), least: Math.min(...costs), most: Math.max(...costs) },
      };
    } finally {
      await engine.close();
    }
  } finally {
    await cpu.close();
  }
}

/** Measures steps a second, of so many steps as take about `milliseconds`. */
async function prepare(engine: Engine, shape: Shape, milliseconds: number): Promise<() => Promise<number>> {
  const trainers: Trainer[] = await openTrainers(engine, shape, 1);
  const steps = await stepsIn(engine, trainers, milliseconds);
  return async () => steps / (await secondsOf(engine, trainers, steps));
}
