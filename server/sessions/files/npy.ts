/** Of an array's file, its header ends at a multiple of this, bytes. */
const alignment = 64;

/** Magic string, version and the length of what follows, bytes. */
const prefix = 10;

/**
 * What stands before an array's row-major bytes in NumPy's format 1.0 (NumPy NEP 1, "A Simple File Format for NumPy Arrays").
 *
 * @param type - as in NumPy's array protocol: `<f4`, `|b1`
 * @param shape - empty for a single value
 */
export function npyHeader(type: string, shape: readonly number[]): Uint8Array {
  const extents = `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
  const fields = `{'descr': '${type}', 'fortran_order': False, 'shape': ${extents}, }`;
  const size = Math.ceil((prefix + fields.length + 1) / alignment) * alignment;
  const header = Buffer.alloc(size, " ");
  header.write("\x93NUMPY\x01\x00", "latin1");
  header.writeUInt16LE(size - prefix, 8);
  header.write(fields, prefix, "latin1");
  header.write("\n", size - 1);
  return header;
}
