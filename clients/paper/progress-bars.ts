import { MultiBar, type SingleBar } from "cli-progress";
import type { RunName } from "./runs.ts";
import type { StudyObserver } from "./study.ts";

export interface ProgressBars extends StudyObserver {
  /** What is done after a run. */
  note(text: string): void;
  /** Leaves the terminal as it was. Idempotent. */
  stop(): void;
}

/** A bar a run where `stream` is a terminal; elsewhere a line for each run that ended. */
export function progressBars(stream: NodeJS.WritableStream & { readonly isTTY?: boolean }): ProgressBars {
  return stream.isTTY === true ? bars(stream) : lines(stream);
}

function bars(stream: NodeJS.WritableStream): ProgressBars {
  const all = new MultiBar({
    format: "{name} [{bar}] {value}/{total} {state}",
    stream,
    hideCursor: true,
    gracefulExit: false,
    clearOnComplete: false,
  });
  const shown = new Map<RunName, SingleBar>();
  return {
    started: (name, steps) =>
      void shown.set(name, all.create(steps, 0, { name: name.padEnd(16), state: "" })),
    reached: (name, step) => void shown.get(name)?.update(step),
    finished: (name, { trainLoss }, seconds) =>
      shown.get(name)?.update({ state: `loss ${trainLoss.toPrecision(4)}, ${seconds.toFixed(1)} s` }),
    note: () => {},
    stop: () => all.stop(),
  };
}

function lines(stream: NodeJS.WritableStream): ProgressBars {
  return {
    started: () => {},
    reached: () => {},
    finished: (name, { step, trainLoss }, seconds) =>
      void stream.write(
        `${name}: ${step} steps, loss ${trainLoss.toPrecision(4)}, after ${seconds.toFixed(1)} s\n`,
      ),
    note: (text) => void stream.write(`${text}\n`),
    stop: () => {},
  };
}
