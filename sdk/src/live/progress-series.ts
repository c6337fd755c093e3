import { defined } from "../defined.ts";
import type { ProgressGap } from "../progress-event.ts";
import type { ProgressPoint } from "../progress-point.ts";
import type { LiveProgress } from "./progress.ts";

/**
 * Holds what a watch tells of a session: its points in order, as far as the stride leaves them, and always the newest. Of a measure that
 * few points carry a point that is left may have the value of one before it, as LiveBatch says.
 */
export class ProgressSeries {
  #points: ProgressPoint[] = [];
  #gaps: ProgressGap[] = [];
  #stride = 1;
  #epoch: string | undefined;

  /** In order of sequence. It grows in place: whoever keeps it over the next event copies it. */
  get points(): readonly ProgressPoint[] {
    return this.#points;
  }

  /** What was missed of the present epoch. */
  get gaps(): readonly ProgressGap[] {
    return this.#gaps;
  }

  /** See LiveBatch.stride. */
  get stride(): number {
    return this.#stride;
  }

  get epoch(): string | undefined {
    return this.#epoch;
  }

  take(event: LiveProgress): void {
    switch (event.kind) {
      case "reset":
        this.#points = [];
        this.#gaps = [];
        this.#stride = 1;
        this.#epoch = event.epoch;
        break;
      case "gap":
        this.#gaps = [...this.#gaps, event];
        break;
      case "batch": {
        this.#epoch = event.epoch;
        const isKept = ({ sequence }: ProgressPoint) => (sequence - 1) % event.stride === 0;
        if (event.stride > this.#stride) this.#points = thinned(this.#points, isKept);
        else if (this.#points.length > 0 && !isKept(this.#points.at(-1)!)) this.#points.pop();
        this.#stride = event.stride;
        // All but the newest are kept ones: a batch before it may have been thinned out less.
        this.#points.push(
          ...event.points.filter((point, i, { length }) => isKept(point) || i === length - 1),
        );
      }
    }
  }
}

/** Without the others, of which a kept point has the measures that it doesn't carry and that the last of those before it does. */
function thinned(
  points: readonly ProgressPoint[],
  isKept: (point: ProgressPoint) => boolean,
): ProgressPoint[] {
  const kept: ProgressPoint[] = [];
  let left: Carried = {};
  for (const point of points) {
    const { ipr, meanAbsSinMisalignment, extra } = { ...left, ...defined(carriedBy(point)) };
    const carried = defined({
      ipr,
      meanAbsSinMisalignment,
      extra: extra && { ...left.extra, ...point.extra },
    });
    if (!isKept(point)) {
      left = carried;
      continue;
    }
    kept.push({ ...point, ...carried });
    left = {};
  }
  return kept;
}

/** What a schedule can name. */
type Carried = Partial<Pick<ProgressPoint, "ipr" | "meanAbsSinMisalignment" | "extra">>;

const carriedBy = ({ ipr, meanAbsSinMisalignment, extra }: ProgressPoint) => ({
  ipr,
  meanAbsSinMisalignment,
  extra,
});
