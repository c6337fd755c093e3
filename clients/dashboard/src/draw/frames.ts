/** Draws what asked for it, once a frame of the screen, and nothing while nobody can see it. */
export class Frames {
  readonly #due = new Set<() => void>();
  #handle = 0;
  #count = 0;

  constructor() {
    document.addEventListener("visibilitychange", () => this.#schedule());
  }

  /** Has `draw` called in the next frame; once, however often that is asked for until then. */
  readonly request = (draw: () => void): void => {
    this.#due.add(draw);
    this.#schedule();
  };

  readonly cancel = (draw: () => void): void => {
    this.#due.delete(draw);
  };

  #schedule(): void {
    if (this.#handle !== 0 || this.#due.size === 0 || document.hidden) return;
    this.#handle = requestAnimationFrame(() => {
      this.#handle = 0;
      const due = [...this.#due];
      this.#due.clear();
      for (const draw of due) draw();
      this.#count += 1;
      document.documentElement.dataset.frames = String(this.#count);
    });
  }
}

/** Of this page. */
export const frames = new Frames();
