import { arrayShape, arrays, bytesOf } from "../snapshot.ts";
import { npyHeader } from "./npy.ts";
import { type FileSegments, fileOf, type StateFile } from "./state-file.ts";
import { storedZip, type ZipEntry } from "./stored-zip.ts";

/**
 * A snapshot as `numpy.load` reads it, without pickle: its arrays, float32, each of its own shape;
 * `train`, bool [p, p], so that it selects pairs; `step`, int64; `spec`, a string of JSON.
 *
 * @throws RangeError when it would reach 4 GiB, 13 times the largest snapshot
 */
export function npzFile({ step, spec, state, train, createTimeMs }: StateFile): FileSegments {
  const { modulus } = spec;
  const text = [...JSON.stringify(spec)];
  const entries = [
    ...arrays(state).map(({ name, data }) => entry(name, "<f4", arrayShape(name, spec), bytesOf(data))),
    entry("train", "|b1", [modulus, modulus], train),
    entry("step", "<i8", [], new Uint8Array(BigInt64Array.of(BigInt(step)).buffer)),
    entry("spec", `<U${text.length}`, [], codePoints(text)),
  ];
  return fileOf(storedZip(entries, createTimeMs));
}

function entry(name: string, type: string, shape: readonly number[], bytes: Uint8Array): ZipEntry {
  return { name: `${name}.npy`, segments: [npyHeader(type, shape), bytes] };
}

/** NumPy's strings are UCS-4. */
function codePoints(text: readonly string[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(text, (character) => character.codePointAt(0)!).buffer);
}
