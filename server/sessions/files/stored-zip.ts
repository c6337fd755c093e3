import { crc32 } from "node:zlib";

/** A file inside a zip. */
export interface ZipEntry {
  /** ASCII. */
  readonly name: string;
  /** Its bytes, in order. */
  readonly segments: readonly Uint8Array[];
}

/** Sizes and offsets are 32 bits without the ZIP64 extension. */
const limitBytes = 2 ** 32 - 1;
const localBytes = 30;
const centralBytes = 46;
const endBytes = 22;
/** 2.0, which every reader has; nothing here needs more. */
const version = 20;

/**
 * A zip whose entries are stored, not compressed, as the pieces to send one after another. Entries' memory is read once,
 * for its CRC-32, and not copied. PKWARE APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.
 *
 * @param modifiedMs - of every entry; to 2 s, in UTC, from 1980 to 2107
 * @throws RangeError when it would reach 4 GiB
 */
export function storedZip(entries: readonly ZipEntry[], modifiedMs: number): Uint8Array[] {
  const sizes = entries.map(({ segments }) => segments.reduce((sum, { length }) => sum + length, 0));
  const names = entries.reduce((sum, { name }) => sum + 2 * name.length, 0);
  const total =
    sizes.reduce((sum, size) => sum + size, 0) +
    entries.length * (localBytes + centralBytes) +
    names +
    endBytes;
  if (total > limitBytes) {
    throw new RangeError(`a zip of ${total} bytes is not possible: it must be below 4 GiB, without ZIP64`);
  }
  const file: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [i, { name, segments }] of entries.entries()) {
    const common = commonFields(name, sizes[i], segments, modifiedMs);
    directory.push(centralHeader(name, common, offset));
    file.push(localHeader(name, common), ...segments);
    offset += localBytes + name.length + sizes[i];
  }
  return [...file, ...directory, endRecord(entries.length, total - endBytes - offset, offset)];
}

/** The 26 bytes that an entry's two headers share, from "version needed" to the extra field's length. */
function commonFields(
  name: string,
  size: number,
  segments: readonly Uint8Array[],
  modifiedMs: number,
): Uint8Array {
  const { time, date } = dosTime(modifiedMs);
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(version, 0);
  fields.writeUInt16LE(time, 6);
  fields.writeUInt16LE(date, 8);
  fields.writeUInt32LE(
    segments.reduce((crc, segment) => crc32(segment, crc), 0),
    10,
  );
  fields.writeUInt32LE(size, 14);
  fields.writeUInt32LE(size, 18);
  fields.writeUInt16LE(name.length, 22);
  return fields;
}

function localHeader(name: string, common: Uint8Array): Uint8Array {
  const header = Buffer.alloc(localBytes + name.length);
  header.writeUInt32LE(0x04034b50, 0);
  header.set(common, 4);
  header.write(name, localBytes, "ascii");
  return header;
}

function centralHeader(name: string, common: Uint8Array, offset: number): Uint8Array {
  const header = Buffer.alloc(centralBytes + name.length);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE(version, 4);
  header.set(common, 6);
  header.writeUInt32LE(offset, 42);
  header.write(name, centralBytes, "ascii");
  return header;
}

function endRecord(entries: number, directoryBytes: number, directoryOffset: number): Uint8Array {
  const record = Buffer.alloc(endBytes);
  record.writeUInt32LE(0x06054b50, 0);
  record.writeUInt16LE(entries, 8);
  record.writeUInt16LE(entries, 10);
  record.writeUInt32LE(directoryBytes, 12);
  record.writeUInt32LE(directoryOffset, 16);
  return record;
}

/** MS-DOS time and date, 4.4.6. */
function dosTime(ms: number): { time: number; date: number } {
  const at = new Date(Math.min(Math.max(ms, Date.UTC(1980)), Date.UTC(2108) - 1));
  return {
    time: (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1),
    date: ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate(),
  };
}
