import { SingleBar } from "cli-progress";

export interface ProgressBar {
  update(step: number): void;
  /** Leaves the terminal as it was. Idempotent. */
  stop(): void;
}

/** A bar with steps a second and the time left; nothing where `stream` is no terminal. */
export function progressBar(run: string, steps: number, stream: NodeJS.WritableStream): ProgressBar {
  const bar = new SingleBar({
    format: `${run} [{bar}] {value}/{total} steps | {rate} steps/s | {eta_formatted} left`,
    stream,
    hideCursor: true,
    etaBuffer: 50,
    gracefulExit: false,
  });
  const began = performance.now();
  bar.start(steps, 0, { rate: "-" });
  return {
    update: (step) =>
      bar.update(step, { rate: Math.round((step * 1000) / Math.max(1, performance.now() - began)) }),
    stop: () => bar.stop(),
  };
}
