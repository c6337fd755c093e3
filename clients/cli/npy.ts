import { endianness } from "node:os";
import type { Tensor } from "@grokbox/sdk";

/** Of the file, the header before the numbers ends at a multiple of this, bytes. */
const alignment = 64;

/** A float32 array as NumPy's format 1.0 has it, row-major, in this machine's byte order. */
export function toNpy({ data, shape }: Tensor): Uint8Array {
  const order = endianness() === "LE" ? "<" : ">";
  const extents = `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
  const fields = `{'descr': '${order}f4', 'fortran_order': False, 'shape': ${extents}, }`;
  const prefix = 10;
  const size = Math.ceil((prefix + fields.length + 1) / alignment) * alignment;
  const header = Buffer.alloc(size, " ");
  header.write("\x93NUMPY\x01\x00", "latin1");
  header.writeUInt16LE(size - prefix, 8);
  header.write(fields, prefix);
  header.write("\n", size - 1);
  return Buffer.concat([header, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
}
