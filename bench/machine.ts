import { availableParallelism, cpus } from "node:os";

/** What a figure was measured on. */
export interface Machine {
  readonly cpu: string;
  readonly threads: number;
  readonly platform: string;
  readonly node: string;
}

export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    threads: availableParallelism(),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
  };
}
