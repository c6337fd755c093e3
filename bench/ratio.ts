import { median } from "./statistics.ts";

/** Of speeds that were measured one after the other, round by round. */
export interface Ratio {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  /**
   * Median ratio of what the speeds would be, had each its threads to itself: from the processor time that a step took, which others on
   * the machine change less than the speed.
   */
  readonly byProcessorTime: number;
}

/** One measurement. */
export interface Sample {
  readonly stepsPerSecond: number;
  /** By the process that computed. */
  readonly cpuSecondsPerStep: number;
}

export function sample(steps: number, seconds: number, cpuSeconds: number): Sample {
  return { stepsPerSecond: steps / seconds, cpuSecondsPerStep: cpuSeconds / steps };
}

/** Median steps a second. */
export function speed(samples: readonly Sample[]): number {
  return median(samples.map(({ stepsPerSecond }) => stepsPerSecond));
}

/**
 * Round by round.
 *
 * @param threads - how many times as many the first have as the second
 */
export function ratioOf(over: readonly Sample[], under: readonly Sample[], threads: number): Ratio {
  const ratios = over.map(({ stepsPerSecond }, i) => stepsPerSecond / under[i].stepsPerSecond);
  const byTime = over.map(
    ({ cpuSecondsPerStep }, i) => (threads * under[i].cpuSecondsPerStep) / cpuSecondsPerStep,
  );
  return {
    median: median(ratios),
    least: Math.min(...ratios),
    most: Math.max(...ratios),
    byProcessorTime: median(byTime),
  };
}
