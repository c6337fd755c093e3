import { openCpuEngine } from "../server/engine/cpu/cpu-engine.ts";
import type { Trainer } from "../server/engine/engine.ts";
import {
  type Effort,
  openTrainers,
  operationsPerStep,
  type Shape,
  secondsOf,
  stepsIn,
} from "./engine-speed.ts";
import { exponent, median } from "./statistics.ts";

/** How the time of a step grows with one of p and M, the other one fixed; one thread of the best build. */
export interface CostGrowth {
  readonly isa: string;
  readonly over: "p" | "M";
  readonly points: readonly (Shape & { readonly secondsPerStep: number })[];
  /** Of the operations counted, at these sizes: 1 for M; for p less than 3, since p^2 (p + 1) / 2 products are made. */
  readonly operationsExponent: number;
  /** Of the time: the slope of the line through the logarithms with the least squares. */
  readonly timeExponent: number;
}

const series = [
  { over: "p", shapes: [11, 23, 47, 97, 149].map((p) => ({ p, width: 512 })) },
  { over: "M", shapes: [128, 512, 2_048, 8_192].map((width) => ({ p: 23, width })) },
  { over: "M", shapes: [128, 512, 2_048, 8_192].map((width) => ({ p: 97, width })) },
] as const;

/** The shapes of a series take turns, round by round. */
export async function* measureCost({ rounds, milliseconds }: Effort): AsyncGenerator<CostGrowth> {
  const engine = await openCpuEngine({ threads: 1 });
  try {
    for (const { over, shapes } of series) {
      const trainers: Trainer[] = [];
      const steps: number[] = [];
      for (const [i, shape] of shapes.entries()) {
        trainers.push(...(await openTrainers(engine, shape, 1)));
        steps.push(await stepsIn(engine, [trainers[i]], milliseconds / 2));
      }
      const times = shapes.map((): number[] => []);
      for (let round = 0; round < rounds; round++) {
        for (const [i, trainer] of trainers.entries())
          times[i].push((await secondsOf(engine, [trainer], steps[i])) / steps[i]);
      }
      for (const trainer of trainers) trainer.close();
      const points = shapes.map((shape, i) => ({ ...shape, secondsPerStep: median(times[i]) }));
      const sizes = shapes.map(({ p, width }) => (over === "p" ? p : width));
      yield {
        isa: engine.isa,
        over,
        points,
        operationsExponent: exponent(sizes, shapes.map(operationsPerStep)),
        timeExponent: exponent(
          sizes,
          points.map(({ secondsPerStep }) => secondsPerStep),
        ),
      };
    }
  } finally {
    await engine.close();
  }
}
