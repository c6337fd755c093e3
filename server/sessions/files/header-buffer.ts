import { invalid } from "../errors.ts";

/** Longest header to accept, bytes: four times that of an explicit split of every pair at p = 199. */
const maxHeaderBytes = 2 ** 20;
const lengthBytes = 8;
/** With what a zip archive begins: PK, 3, 4. */
const zipSignature = 0x504b0304;

/** Collects a header and the length before it from pieces of any size. */
export class HeaderBuffer {
  readonly #length = new Uint8Array(lengthBytes);
  #header: Uint8Array | undefined;
  #received = 0;

  /** The header without its length, once all of it is there. */
  get bytes(): Uint8Array | undefined {
    return this.#header !== undefined && this.#received === this.totalBytes ? this.#header : undefined;
  }

  /** Of length and header. */
  get totalBytes(): number {
    return lengthBytes + (this.#header?.length ?? 0);
  }

  /** How much there is, for people. */
  get progress(): string {
    return this.#header === undefined
      ? `after ${this.#received} of the ${lengthBytes} bytes of the header's length`
      : `after ${this.#received - lengthBytes} of ${this.#header.length} bytes`;
  }

  /**
   * Takes what belongs to the header and returns the rest of the chunk.
   *
   * @throws GrokboxError INVALID_FIELD as soon as the length is known to be none of a header: the file is of another kind, mostly
   */
  take(chunk: Uint8Array): Uint8Array {
    let rest = chunk;
    if (this.#header === undefined) {
      rest = this.#fill(this.#length, 0, rest);
      if (this.#received < lengthBytes) return rest;
      this.#header = new Uint8Array(this.#announced());
    }
    return this.#fill(this.#header, lengthBytes, rest);
  }

  /** @param begin - where `target` begins in the file */
  #fill(target: Uint8Array, begin: number, chunk: Uint8Array): Uint8Array {
    const part = chunk.subarray(0, begin + target.length - this.#received);
    target.set(part, this.#received - begin);
    this.#received += part.length;
    return chunk.subarray(part.length);
  }

  #announced(): number {
    const view = new DataView(this.#length.buffer);
    const announced = view.getBigUint64(0, true);
    if (announced >= 2n && announced <= maxHeaderBytes) return Number(announced);
    const description =
      view.getUint32(0) === zipSignature
        ? "must be a safetensors file; got a zip archive, such as .npz or what torch.save writes: only safetensors goes back in"
        : `must be a safetensors file, which begins with the length of its header, 2 to ${maxHeaderBytes} bytes; got ${announced}`;
    throw invalid([{ field: "file", description }]);
  }
}
