import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import { getSystemErrorMap } from "node:util";
import { asStoreError } from "./sqlite-error.ts";
import { StoreError } from "./store-error.ts";

/** Primary result codes of SQLite for what the system refuses: READONLY and CANTOPEN. */
const refusals: ReadonlySet<number> = new Set([8, 14]);

/**
 * Why a database file can't be opened, with its path and the system's own reason. SQLite keeps that one to itself, so the system is asked
 * again, and not by opening the file: to close that would drop the locks that this process has on it.
 *
 * @param error - a `StoreError` is one that says all of it already
 */
export function openingError(path: string, error: unknown, readOnly = false): StoreError {
  if (error instanceof StoreError) return error;
  const { kind, message } = asStoreError(error, {}, "IO");
  const { errcode } = error as { errcode?: number };
  const why = errcode !== undefined && refusals.has(errcode & 0xff) ? refusal(path, readOnly) : undefined;
  return new StoreError(kind, `can't open ${path}${why ?? `: ${message}`}`, { cause: error });
}

/** Fails with MISSING where there is no such file, and with IO where it can't be read. */
export function checkReadable(path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (isMissing) throw new StoreError("MISSING", `there is no file ${path}`, { cause: error });
    throw new StoreError("IO", `can't open ${path}: ${systemReason(error)}`, { cause: error });
  }
}

function refusal(path: string, readOnly: boolean): string | undefined {
  try {
    accessSync(path, readOnly ? constants.R_OK : constants.R_OK | constants.W_OK);
  } catch (error) {
    return `: ${systemReason(error)}`;
  }
  try {
    // SQLite makes its files beside it, also to read.
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
  } catch (error) {
    return `, whose folder can't be written: ${systemReason(error)}`;
  }
  return undefined;
}

/** As in "permission denied (EACCES)". */
function systemReason(error: unknown): string {
  const { errno = 0, message } = error as NodeJS.ErrnoException;
  const [name, text] = getSystemErrorMap().get(errno) ?? [];
  return name === undefined ? message : `${text} (${name})`;
}
