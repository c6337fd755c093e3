const firstRows = 64;

/** The rows of the newest points by their sequence, each of `width` float64, grown as needed; rows that were never written are NaN. */
export class ProgressRing {
  readonly #width: number;
  readonly #capacity: number;
  #rows: Float64Array;

  /** @param newest - greatest sequence to have room for at once */
  constructor(width: number, capacity: number, newest: number) {
    this.#width = width;
    this.#capacity = capacity;
    this.#rows = new Float64Array(Math.min(capacity, Math.max(firstRows, newest)) * width).fill(Number.NaN);
  }

  /** The row of a sequence, to be read or written. */
  row(sequence: number): Float64Array {
    const start = this.startOf(sequence);
    return this.#rows.subarray(start, start + this.#width);
  }

  /** All rows; others once there is room for another sequence. */
  get values(): Float64Array {
    return this.#rows;
  }

  /** Copies of the rows of `count` sequences from `first` on, one after another, each `stride` float64 after the last. */
  copy(first: number, count: number, to: Float64Array, stride: number, offset = 0): void {
    for (let i = 0; i < count; i++) {
      const start = this.startOf(first + i);
      for (let k = 0; k < this.#width; k++) to[i * stride + offset + k] = this.#rows[start + k]!;
    }
  }

  /** Where in `values` the row of a sequence begins; makes room for it. */
  startOf(sequence: number): number {
    const end = Math.min(sequence, this.#capacity) * this.#width;
    if (end > this.#rows.length) {
      const length = Math.min(Math.max(this.#rows.length * 2, end), this.#capacity * this.#width);
      const grown = new Float64Array(length);
      grown.set(this.#rows);
      grown.fill(Number.NaN, this.#rows.length);
      this.#rows = grown;
    }
    return ((sequence - 1) % this.#capacity) * this.#width;
  }
}
