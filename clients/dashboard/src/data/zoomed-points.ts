import type { ProgressPoint } from "@grokbox/sdk";
import type { Live } from "@grokbox/sdk/live";
import type { Zoom } from "../link.ts";
import { Changes } from "./changes.ts";

/** More than a panel has pixels. */
const maxPoints = 2_000;

/** The points between two steps, exactly as recorded, as far as a panel can show them. */
export class ZoomedPoints extends Changes {
  readonly #live: Live;
  readonly #session: string;
  #zoom: Zoom | undefined;
  #epoch: string | undefined;
  #read: readonly ProgressPoint[] = [];
  #points: readonly ProgressPoint[] = [];
  #asking: AbortController | undefined;

  constructor(live: Live, session: string) {
    super();
    this.#live = live;
    this.#session = session;
  }

  get points(): readonly ProgressPoint[] {
    return this.#points;
  }

  /**
   * @param epoch - of the log: after a restored snapshot it is read anew
   * @param held - thinned out, in order of step: shown until the exact ones are there, and where they end
   */
  look(zoom: Zoom | undefined, epoch: string | undefined, held: readonly ProgressPoint[]): void {
    const isSame = zoom?.first === this.#zoom?.first && zoom?.last === this.#zoom?.last;
    if (!isSame || epoch !== this.#epoch) {
      this.stop();
      this.#zoom = zoom;
      this.#epoch = epoch;
      this.#read = [];
      if (zoom !== undefined) void this.#ask(zoom);
    }
    this.#points = zoom === undefined ? [] : joined(this.#read, held);
  }

  stop(): void {
    this.#asking?.abort();
    this.#asking = undefined;
  }

  async #ask({ first, last }: Zoom): Promise<void> {
    const asking = new AbortController();
    this.#asking = asking;
    try {
      const range = { firstStep: first, lastStep: last, maxPoints };
      const { points } = await this.#live.window(this.#session, { ...range, signal: asking.signal });
      if (asking.signal.aborted) return;
      this.#read = points;
      this.#points = joined(points, this.#points);
      this.tell();
    } catch {
      // Given up, or the session is gone; what is held is shown as it is.
    }
  }
}

/** The exact ones, with what is held before and after them: lines go on to the edges of the panel. */
function joined(read: readonly ProgressPoint[], held: readonly ProgressPoint[]): readonly ProgressPoint[] {
  const [first] = read;
  const last = read.at(-1);
  if (first === undefined || last === undefined) return held;
  return [
    ...held.filter(({ sequence }) => sequence < first.sequence),
    ...read,
    ...held.filter(({ sequence }) => sequence > last.sequence),
  ];
}
