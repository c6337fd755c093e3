import { invalid } from "../errors.ts";
import type { Placed } from "./layout.ts";
import { Words } from "./words.ts";

/** Takes the bytes of `train` as they come, a mask or a list of pairs, and makes a mask of them. */
export class TrainSink {
  /** [p, p], 1 for a training pair. */
  readonly mask: Uint8Array;
  readonly #modulus: number;
  readonly #isMask: boolean;
  /** Numbers that make a pair in a list: its index x p + y, or x and y. */
  readonly #numbersAPair: number;
  readonly #words = new Words();
  #received = 0;
  #first = 0;
  #lastPair = -1;

  constructor({ dtype, shape }: Placed, modulus: number) {
    this.mask = new Uint8Array(modulus * modulus);
    this.#modulus = modulus;
    this.#isMask = dtype !== "I64";
    this.#numbersAPair = shape.length;
  }

  /** @throws GrokboxError INVALID_FIELD at a byte of a mask that isn't 0 or 1, or a number of a list that is out of range or order */
  write(bytes: Uint8Array): void {
    if (this.#isMask) {
      for (const byte of bytes) this.#addByte(byte);
      return;
    }
    const halves = new Uint32Array(this.#words.buffer);
    this.#words.feed(bytes, (count) => {
      for (let i = 0; i < count; i++) this.#addNumber(halves[2 * i], halves[2 * i + 1]);
    });
  }

  /** @throws GrokboxError INVALID_FIELD when nothing is left to train on */
  finish(): void {
    if (this.mask.includes(1)) return;
    throw invalid([{ field: "file.train", description: "must have at least one training pair; got none" }]);
  }

  #addByte(byte: number): void {
    if (byte > 1) this.#fail(this.#received, this.#modulus, "0 or 1", byte);
    this.mask[this.#received++] = byte;
  }

  /** @param low - and `high`, the halves of an int64 */
  #addNumber(low: number, high: number): void {
    const limit = this.#numbersAPair === 1 ? this.mask.length : this.#modulus;
    const at = this.#received++;
    if (high !== 0 || low >= limit) {
      const number = (BigInt(high | 0) << 32n) | BigInt(low);
      this.#fail(at, this.#numbersAPair, `0 to ${limit - 1}`, number);
    }
    if (this.#numbersAPair === 1) this.#addPair(low, at);
    else if (at % 2 === 0) this.#first = low;
    else this.#addPair(this.#first * this.#modulus + low, at - 1);
  }

  #addPair(pair: number, at: number): void {
    if (pair <= this.#lastPair) {
      this.#fail(
        at,
        this.#numbersAPair,
        `after the pair before it, index ${this.#lastPair}`,
        `index ${pair}`,
      );
    }
    this.#lastPair = pair;
    this.mask[pair] = 1;
  }

  #fail(at: number, columns: number, must: string, got: unknown): never {
    const place = columns === 1 ? at : `${Math.floor(at / columns)}, ${at % columns}`;
    throw invalid([{ field: `file.train[${place}]`, description: `must be ${must}; got ${got}` }]);
  }
}
