import { instantiate, type WasmExports } from "./wasm-module.ts";

const pageBytes = 65536;
const stackBytes = 65536;
const mostPages = 65536;

/**
 * One shared WebAssembly memory: the module's own data, then a stack and a scratch area for each thread, one job, and
 * what the job is about. Bytes are zero at first, and freed with the object.
 */
export class WasmMemory {
  readonly memory: WebAssembly.Memory;
  readonly exports: WasmExports;
  readonly job: number;
  readonly #threadArea: number;
  readonly #threadBytes: number;
  #next: number;

  /**
   * @param contents - bytes that will be taken by `take`, each piece rounded up to 64
   * @throws RangeError when there isn't as much memory
   */
  constructor(module: WebAssembly.Module, threads: number, scratchBytes: number, contents: number) {
    // Room for what the module places by itself, which is known only once it has been placed.
    const own = 4 * pageBytes;
    const threadBytes = stackBytes + roundUp(scratchBytes);
    const pages = Math.ceil((own + threads * threadBytes + contents) / pageBytes);
    const most = Math.min(mostPages * pageBytes, process.availableMemory());
    if (pages * pageBytes > most) {
      throw new RangeError(`it takes ${pages * pageBytes} bytes of memory, of which there are ${most}`);
    }
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.exports = instantiate(module, this.memory);
    this.#next = roundUp(this.exports.__heap_base.value);
    this.job = this.take(this.exports.jobBytes());
    this.#threadBytes = threadBytes;
    this.#threadArea = this.take(threads * threadBytes);
  }

  /** Address of `bytes` fresh bytes, 64-byte aligned. */
  take(bytes: number): number {
    const address = this.#next;
    this.#next += roundUp(bytes);
    if (this.#next > this.memory.buffer.byteLength) throw new RangeError("memory laid out too small");
    return address;
  }

  /** A stack grows down, from the scratch area above it. */
  scratchOf(thread: number): { readonly stackTop: number; readonly scratch: number } {
    const stackTop = this.#threadArea + thread * this.#threadBytes + stackBytes;
    return { stackTop, scratch: stackTop };
  }

  bytes(address: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, length);
  }

  ints(address: number, length: number): Int32Array {
    return new Int32Array(this.memory.buffer, address, length);
  }

  floats(address: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, length);
  }

  doubles(address: number, length: number): Float64Array {
    return new Float64Array(this.memory.buffer, address, length);
  }
}

export function roundUp(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}
