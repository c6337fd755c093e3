import { StoreError, type StoreErrorDetail, type StoreErrorKind } from "./store-error.ts";

/** Primary result codes of SQLite, the low byte of an extended one. */
const kinds: Readonly<Record<number, StoreErrorKind>> = {
  5: "IO", // BUSY: another process has kept the file longer than the timeout
  6: "IO", // LOCKED
  7: "FULL", // NOMEM
  8: "IO", // READONLY
  10: "IO", // IOERR
  11: "CORRUPT", // CORRUPT
  13: "FULL", // FULL
  14: "IO", // CANTOPEN
  18: "INVALID", // TOOBIG
  19: "INVALID", // CONSTRAINT
  26: "CORRUPT", // NOTADB
};

const constraintPrimaryKey = 1555;
const constraintUnique = 2067;
const constraintForeignKey = 787;
const ioerrCorruptFs = 8458;

/** Any error as a `StoreError`: SQLite's by its result code, the file system's by its name; else `otherwise`. */
export function asStoreError(
  error: unknown,
  detail: StoreErrorDetail = {},
  otherwise: StoreErrorKind = "INVALID",
): StoreError {
  if (error instanceof StoreError) return error;
  const { message, code, errcode } = error as { message?: string; code?: string; errcode?: number };
  return new StoreError(kindOf(code, errcode) ?? otherwise, message ?? String(error), {
    ...detail,
    cause: error,
  });
}

function kindOf(code: string | undefined, errcode: number | undefined): StoreErrorKind | undefined {
  if (code === "ENOSPC" || code === "EDQUOT") return "FULL";
  if (code === "ENOENT") return "MISSING";
  if (code === "EEXIST") return "EXISTS";
  if (errcode === undefined) return /^E[A-Z]+$/.test(code ?? "") ? "IO" : undefined;
  if (errcode === constraintPrimaryKey || errcode === constraintUnique) return "EXISTS";
  if (errcode === constraintForeignKey) return "MISSING";
  if (errcode === ioerrCorruptFs) return "CORRUPT";
  return kinds[errcode & 0xff] ?? "IO";
}

/** Whether a transaction can't go on after this error, whatever SQLite made of it. */
export function endsTransaction({ kind }: StoreError): boolean {
  return kind === "FULL" || kind === "IO";
}
