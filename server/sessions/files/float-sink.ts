import { invalid } from "../errors.ts";
import { bytesOf } from "../snapshot.ts";
import type { Placed } from "./layout.ts";
import { Words } from "./words.ts";

/** Largest finite float32. */
const largest = (2 - 2 ** -23) * 2 ** 127;

/** Takes the bytes of weights or moments as they come and makes a float32 array of them, of which every value is checked. */
export class FloatSink {
  readonly #tensor: Placed;
  /** Smallest value that it may have. */
  readonly #least: number;
  /** Made when the first byte is there. */
  #values: Float32Array | undefined;
  #bytes: Uint8Array = new Uint8Array(0);
  /** Only for F64, which is rounded to float32. */
  #words: Words | undefined;
  #received = 0;
  #checked = 0;

  constructor(tensor: Placed) {
    this.#tensor = tensor;
    this.#least = tensor.name.endsWith("_second") ? 0 : -largest;
  }

  /** Row-major. */
  get values(): Float32Array {
    return this.#allocate();
  }

  /** @throws GrokboxError INVALID_FIELD at a NaN, an infinity (also of rounding to float32) or a negative second moment */
  write(bytes: Uint8Array): void {
    const values = this.#allocate();
    if (this.#tensor.dtype === "F64") this.#writeDoubles(bytes, values);
    else this.#writeFloats(bytes, values);
  }

  #allocate(): Float32Array {
    if (this.#values !== undefined) return this.#values;
    this.#values = new Float32Array(this.#tensor.shape[0]! * this.#tensor.shape[1]!);
    this.#bytes = bytesOf(this.#values);
    return this.#values;
  }

  #writeFloats(bytes: Uint8Array, values: Float32Array): void {
    this.#bytes.set(bytes, this.#received);
    this.#received += bytes.length;
    const whole = Math.floor(this.#received / Float32Array.BYTES_PER_ELEMENT);
    const least = this.#least;
    for (let i = this.#checked; i < whole; i++) {
      if (!(values[i] >= least && values[i] <= largest)) this.#refuse(i, values[i]);
    }
    this.#checked = whole;
  }

  #writeDoubles(bytes: Uint8Array, values: Float32Array): void {
    this.#words ??= new Words();
    const doubles = new Float64Array(this.#words.buffer);
    this.#words.feed(bytes, (count) => {
      for (let i = 0; i < count; i++, this.#checked++) {
        const value = Math.fround(doubles[i]);
        const isNegative = doubles[i] < 0 && this.#least === 0;
        if (!(value >= -largest && value <= largest) || isNegative) this.#refuse(this.#checked, doubles[i]);
        values[this.#checked] = value;
      }
    });
  }

  #refuse(index: number, value: number): never {
    const columns = this.#tensor.shape[1]!;
    const field = `file.${this.#tensor.name}[${Math.floor(index / columns)}, ${index % columns}]`;
    const isNegative = value < 0 && Math.fround(value) >= -largest;
    const must = isNegative ? "must not be negative, as a second moment" : "must be finite as float32";
    throw invalid([{ field, description: `${must}; got ${value}` }]);
  }
}
