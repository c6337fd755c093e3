import { DataType, type Tensor as TensorMessage } from "@grokbox/proto/tensor";
import { badAnswer } from "./error.ts";

/** A dense array, row-major. */
export interface Tensor<D = Float32Array> {
  readonly data: D;
  /** Extents, outermost first; their product is the length of `data`. */
  readonly shape: readonly number[];
}

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Bytes of the wire as numbers of this machine, in memory of their own: what protobuf decodes is an unaligned view of a message. */
export function float32From(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  return new Float32Array(ownBytes(bytes));
}

/** Numbers of this machine as bytes of the wire; a view of `data` where the machine is little-endian. */
export function bytesOf(data: Float32Array): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return littleEndian ? bytes : new Uint8Array(ownBytes(bytes));
}

export function fromFloat32Tensor(message: TensorMessage | undefined): Tensor<Float32Array<ArrayBuffer>> {
  const { shape, data } = checked(message, DataType.FLOAT32);
  return { shape, data: float32From(data) };
}

export function fromUint32Tensor(message: TensorMessage | undefined): Tensor<Uint32Array<ArrayBuffer>> {
  const { shape, data } = checked(message, DataType.UINT32);
  return { shape, data: new Uint32Array(ownBytes(data)) };
}

export function fromFloat64Tensor(message: TensorMessage | undefined): Tensor<Float64Array<ArrayBuffer>> {
  const { shape, data } = checked(message, DataType.FLOAT64);
  return { shape, data: new Float64Array(ownBytes(data, 8)) };
}

function checked(message: TensorMessage | undefined, dtype: DataType): TensorMessage {
  if (message === undefined) throw badAnswer("the server left out an array");
  if (message.dtype !== dtype) {
    throw badAnswer(`the server sent an array of type ${message.dtype} in place of ${dtype}`);
  }
  const expected = message.shape.reduce(
    (product, extent) => product * extent,
    dtype === DataType.FLOAT64 ? 8 : 4,
  );
  if (message.data.length === expected) return message;
  throw badAnswer(`the server sent ${message.data.length} bytes for shape [${message.shape}]`);
}

/** A copy of numbers, in the byte order of the other side. */
function ownBytes(bytes: Uint8Array, size = 4): ArrayBuffer {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  if (littleEndian) return copy.buffer;
  for (let i = 0; i < copy.length; i += size) copy.subarray(i, i + size).reverse();
  return copy.buffer;
}
