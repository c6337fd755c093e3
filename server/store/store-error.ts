/**
 * - `HELD`: another server has the store; the message says who, and since when
 * - `FULL`: no space; nothing of the call is there, and a later one succeeds when there is space again
 * - `IO`: the disk, or what stands for it, failed; nothing of the call is there
 * - `CORRUPT`: what is stored is damaged; `session` and `step` name the row when it is one row
 * - `NEWER`: the file was written by a newer grokbox
 * - `CLOSED`: the store was closed, or its thread ended by a defect: it does nothing any more
 * - `MISSING`: what was to be read, or what a row belongs to, is not there
 * - `EXISTS`: what was to be made is there already
 * - `INVALID`: the input can't be stored, a defect of the caller
 */
export type StoreErrorKind =
  | "HELD"
  | "FULL"
  | "IO"
  | "CORRUPT"
  | "NEWER"
  | "CLOSED"
  | "MISSING"
  | "EXISTS"
  | "INVALID";

export interface StoreErrorDetail {
  readonly session?: string | undefined;
  readonly step?: number | undefined;
  readonly cause?: unknown;
}

export class StoreError extends Error {
  readonly kind: StoreErrorKind;
  declare readonly session?: string;
  declare readonly step?: number;

  constructor(kind: StoreErrorKind, message: string, { session, step, cause }: StoreErrorDetail = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "StoreError";
    this.kind = kind;
    if (session !== undefined) this.session = session;
    if (step !== undefined) this.step = step;
  }
}
