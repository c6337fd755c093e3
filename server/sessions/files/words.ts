/** Bytes converted at a time. */
const stagingBytes = 65_536;
const wordBytes = 8;

/** Cuts a stream of bytes, in any chunking, into 8-byte words, holding one small buffer. */
export class Words {
  /** Where `consume` finds its words. */
  readonly buffer = new ArrayBuffer(stagingBytes);
  readonly #staging = new Uint8Array(this.buffer);
  #filled = 0;

  /** Calls back with the number of whole words that lie at the beginning of `buffer`, as often as there are some. */
  feed(bytes: Uint8Array, consume: (count: number) => void): void {
    for (let taken = 0; taken < bytes.length; ) {
      const part = bytes.subarray(taken, taken + stagingBytes - this.#filled);
      this.#staging.set(part, this.#filled);
      this.#filled += part.length;
      taken += part.length;
      const count = Math.floor(this.#filled / wordBytes);
      if (count > 0) consume(count);
      this.#staging.copyWithin(0, count * wordBytes, this.#filled);
      this.#filled -= count * wordBytes;
    }
  }
}
