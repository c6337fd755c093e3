import type { Engine } from "../../server/engine/engine.ts";
import { openTrainers, type Shape, secondsOf } from "../engine-speed.ts";
import { median } from "../statistics.ts";

/** Speed of so many sessions side by side. */
export interface GpuSpeed extends Shape {
  readonly cohort: number;
  /** Of all together, the median of the rounds. */
  readonly stepsPerSecond: number;
  /** Bytes of device memory that the engine then had in use. */
  readonly deviceBytes: number | undefined;
}

const measured: readonly (Shape & { readonly cohort: number })[] = [
  { p: 23, width: 512, cohort: 1 },
  { p: 23, width: 512, cohort: 8 },
  { p: 23, width: 512, cohort: 64 },
  { p: 23, width: 512, cohort: 256 },
  { p: 97, width: 512, cohort: 1 },
  { p: 97, width: 9107, cohort: 1 },
];

export async function* measureSpeeds(
  engine: Engine,
  deviceBytes: () => Promise<number>,
  seconds: number,
): AsyncGenerator<GpuSpeed> {
  for (const { cohort, ...shape } of measured) {
    const trainers = await openTrainers(engine, shape, cohort);
    let steps = 10;
    // Until it is long enough to be timed; the clocks of the device rise meanwhile.
    for (;;) {
      const took = await secondsOf(engine, trainers, steps);
      if (took > seconds / 2) break;
      steps = Math.ceil(steps * Math.min(10, (0.7 * seconds) / took));
    }
    const rounds: number[] = [];
    for (let i = 0; i < 3; i++) rounds.push((cohort * steps) / (await secondsOf(engine, trainers, steps)));
    yield { ...shape, cohort, stepsPerSecond: median(rounds), deviceBytes: await deviceBytes() };
    for (const trainer of trainers) trainer.close();
  }
}
