import type { TrainerState } from "../../engine/engine.ts";
import type { Spec } from "../../model/spec.ts";
import { invalid } from "../errors.ts";
import { stateOf } from "../snapshot.ts";
import { FloatSink } from "./float-sink.ts";
import { parseHeader } from "./header.ts";
import { HeaderBuffer } from "./header-buffer.ts";
import { type Layout, planLayout, type TensorName, tensorNames, tensorNamesText } from "./layout.ts";
import { type Origin, parseOrigin } from "./metadata.ts";
import { TrainSink } from "./train-sink.ts";

export interface ReadOptions {
  /** Largest file to accept, bytes. No limit by default but that of the largest network, 627 MB in F64. */
  readonly maxBytes?: number;
  /**
   * Called once, when the header is accepted and before any array is made, with the bytes of weights and moments as they
   * will be kept, `stateBytes` of the state. What it throws ends the reading. To give the bytes back after a later error
   * is the caller's part.
   */
  readonly reserve?: (bytes: number) => void;
}

export interface SafetensorsContent {
  readonly modulus: number;
  readonly width: number;
  readonly step: number;
  readonly state: TrainerState;
  /** [p, p] mask, when the file says which pairs train. */
  readonly train?: Uint8Array;
  /** When grokbox wrote the file. */
  readonly spec?: Spec;
}

interface Body {
  readonly layout: Layout;
  readonly origin: Origin;
  readonly floats: ReadonlyMap<TensorName, FloatSink>;
  readonly train: TrainSink | undefined;
}

/**
 * Reads a safetensors file that anybody may have sent, in pieces of any size, and refuses it at the first byte that is
 * wrong. Of the file nothing is kept but the header while it is parsed (1 MiB at most) and the arrays, each made when its
 * first byte is there.
 */
export class SafetensorsReader {
  readonly #options: ReadOptions;
  #header: HeaderBuffer | undefined = new HeaderBuffer();
  #body: Body | undefined;
  /** Tensor that the next byte of data belongs to, and how much of the data is there. */
  #current = 0;
  #received = 0;
  #failure: unknown;

  constructor(options: ReadOptions = {}) {
    this.#options = options;
  }

  /**
   * Takes the next bytes, which stay the caller's.
   *
   * @throws GrokboxError INVALID_FIELD of `file` or a field of it, the same again when called after it
   */
  push(chunk: Uint8Array): void {
    this.#orFail(() => {
      const rest = this.#body === undefined ? this.#takeHeader(chunk) : chunk;
      if (this.#body !== undefined) this.#takeData(rest, this.#body);
    });
  }

  /**
   * Ends the file.
   *
   * @throws GrokboxError INVALID_FIELD when it is truncated, and what `push` has thrown before
   */
  finish(): SafetensorsContent {
    return this.#orFail(() => {
      const body = this.#body;
      if (body === undefined)
        throw wrong(`must not end inside its header; it ended ${this.#header!.progress}`);
      const { layout, origin } = body;
      if (this.#received < layout.dataBytes) {
        throw wrong(`must have ${layout.dataBytes} bytes of data; it ended after ${this.#received}`);
      }
      return {
        modulus: layout.modulus,
        width: layout.width,
        step: origin.step,
        state: stateOfFile(body),
        ...(body.train !== undefined && { train: body.train.mask }),
        ...(origin.spec !== undefined && { spec: origin.spec }),
      };
    });
  }

  /** After a failure the arrays are let go, however long the reader is held. */
  #orFail<T>(work: () => T): T {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return work();
    } catch (error) {
      this.#failure = error;
      this.#header = undefined;
      this.#body = undefined;
      throw error;
    }
  }

  /** Returns what follows the header. */
  #takeHeader(chunk: Uint8Array): Uint8Array {
    const rest = this.#header!.take(chunk);
    if (this.#header!.bytes === undefined) return rest;
    const { metadata, tensors } = parseHeader(this.#header!.bytes, tensorNames, tensorNamesText);
    const headerBytes = this.#header!.totalBytes;
    this.#header = undefined;
    const layout = planLayout(tensors);
    const origin = parseOrigin(metadata, layout);
    const { maxBytes = Number.POSITIVE_INFINITY, reserve } = this.#options;
    const totalBytes = headerBytes + layout.dataBytes;
    if (totalBytes > maxBytes)
      throw wrong(`must be at most ${maxBytes} bytes; its header says ${totalBytes}`);
    const floats = layout.tensors.filter(({ name }) => name !== "train");
    const numbers = floats.reduce((sum, { shape }) => sum + shape[0]! * shape[1]!, 0);
    reserve?.(numbers * Float32Array.BYTES_PER_ELEMENT);
    const train = layout.tensors.find(({ name }) => name === "train");
    this.#body = {
      layout,
      origin,
      floats: new Map(floats.map((tensor) => [tensor.name, new FloatSink(tensor)])),
      train: train && new TrainSink(train, layout.modulus),
    };
    return rest;
  }

  #takeData(chunk: Uint8Array, { layout, floats, train }: Body): void {
    if (this.#received + chunk.length > layout.dataBytes) {
      throw wrong(`must end after the ${layout.dataBytes} bytes of data of its header; it goes on`);
    }
    for (let taken = 0; taken < chunk.length; ) {
      const { name, end } = layout.tensors[this.#current];
      const part = chunk.subarray(taken, taken + end - this.#received);
      if (name === "train") train!.write(part);
      else floats.get(name)!.write(part);
      taken += part.length;
      this.#received += part.length;
      if (this.#received < end) continue;
      if (name === "train") train!.finish();
      this.#current++;
    }
  }
}

/** Reads a file from a stream of pieces, and ends the stream at the first error. */
export async function readSafetensors(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ReadOptions = {},
): Promise<SafetensorsContent> {
  const reader = new SafetensorsReader(options);
  for await (const chunk of chunks) reader.push(chunk);
  return reader.finish();
}

function stateOfFile({ origin, floats }: Body): TrainerState {
  return stateOf(
    origin.step,
    [...floats].map(([name, sink]) => ({ name, data: sink.values })),
  );
}

function wrong(description: string) {
  return invalid([{ field: "file", description }]);
}
