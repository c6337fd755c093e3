/** How much later than it could be something is drawn, in the hope of a frame that comes anyway. */
const patienceMs = 60;

/** Draws what asked for it, once a frame of the screen, and nothing while nobody can see it. */
export class Frames {
  readonly #due = new Set<() => void>();
  readonly #drawnMs = new WeakMap<() => void, number>();
  /** What is to be drawn from a time on, and what sees to it that it is. */
  readonly #later = new Map<
    () => void,
    { readonly fromMs: number; readonly timer: ReturnType<typeof setTimeout> }
  >();
  #handle = 0;
  #count = 0;

  constructor() {
    document.addEventListener("visibilitychange", () => this.#schedule());
  }

  /**
   * Has `draw` called in the next frame; once, however often that is asked for until then.
   *
   * @param everyMs - at the soonest so long after the last time. Text that changes faster than it can be read has the page laid out and
   * painted for nothing.
   */
  request(draw: () => void, everyMs = 0): void {
    const nowMs = performance.now();
    const fromMs = (this.#drawnMs.get(draw) ?? Number.NEGATIVE_INFINITY) + everyMs;
    if (fromMs <= nowMs) {
      this.#due.add(draw);
      this.#schedule();
    } else if (!this.#later.has(draw)) {
      const timer = setTimeout(() => this.request(draw), fromMs - nowMs + patienceMs);
      this.#later.set(draw, { fromMs, timer });
    }
  }

  cancel(draw: () => void): void {
    this.#due.delete(draw);
    clearTimeout(this.#later.get(draw)?.timer);
    this.#later.delete(draw);
  }

  #schedule(): void {
    if (this.#handle !== 0 || this.#due.size === 0 || document.hidden) return;
    this.#handle = requestAnimationFrame((nowMs) => {
      for (const [draw, { fromMs }] of this.#later) if (fromMs <= nowMs) this.#due.add(draw);
      try {
        this.#drawAll(nowMs);
      } finally {
        this.#count += 1;
        document.documentElement.dataset.frames = String(this.#count);
        this.#handle = 0;
        this.#schedule();
      }
    });
  }

  #drawAll(nowMs: number): void {
    const drawn = new Set<() => void>();
    // What drawing asks for in turn, such as the text beside a curve, belongs to the same frame, once.
    for (const draw of this.#due) {
      if (drawn.has(draw)) continue;
      drawn.add(draw);
      this.cancel(draw);
      this.#drawnMs.set(draw, nowMs);
      draw();
    }
  }
}

/** Of this page. */
export const frames = new Frames();

/** For text that goes along with training. */
export const readableMs = 100;
