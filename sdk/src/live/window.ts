import { type Known, refuseUnknown } from "../known-keys.ts";
import { fromPoint, type ProgressPoint } from "../progress-point.ts";
import { join } from "../signals.ts";
import { fromUint64, toOptionalUint64, toUint64 } from "../uint64.ts";
import { type Asking, answers } from "./asking.ts";

export interface LiveWindowOptions {
  readonly firstStep: number;
  /** `firstStep` or more. @default up to the newest point */
  readonly lastStep?: number | undefined;
  /** As many points as are wanted, 2 to 1,000,000. @default every point */
  readonly maxPoints?: number | undefined;
  /** Fails with the reason `CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
}

const keys: Known<LiveWindowOptions> = { firstStep: true, lastStep: true, maxPoints: true, signal: true };

/** What is recorded between two steps. */
export interface LiveWindow {
  /** The log that the points' sequences count in. */
  readonly epoch: string;
  /** See LiveBatch.stride. */
  readonly stride: number;
  /** In order of sequence. */
  readonly points: readonly ProgressPoint[];
  /** Points of the window's beginning may have left the retained history. */
  readonly missing: boolean;
}

/** See Live.window. */
export async function askWindow(
  asking: Asking,
  session: string,
  options: LiveWindowOptions,
): Promise<LiveWindow> {
  refuseUnknown(options, keys);
  const { firstStep, lastStep, maxPoints = 0, signal } = options;
  const range = {
    firstStep: toUint64(firstStep, "firstStep"),
    ...(lastStep === undefined ? {} : { lastStep: toOptionalUint64(lastStep, "lastStep")! }),
  };
  let window = { epoch: "", stride: 1, points: [] as ProgressPoint[], missing: false };
  const question = () => ({ case: "window" as const, value: { session, ...range, maxPoints } });
  const stop = join(signal);
  try {
    for await (const answer of answers(asking, question, ({ case: kind }) => kind === "done", stop.signal)) {
      if (answer.case === "opened") {
        // Again when its epoch changed on the way: what came is another history's.
        window = { epoch: answer.value.epoch, stride: 1, points: [], missing: false };
      } else if (answer.case === "gap") window.missing = true;
      else if (answer.case === "batch") {
        window.stride = fromUint64(answer.value.stride);
        window.points.push(...answer.value.points.map((point) => fromPoint(point, window.epoch)));
      }
    }
    return window;
  } finally {
    stop.release();
  }
}
