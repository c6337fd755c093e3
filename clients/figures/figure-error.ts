/**
 * What was asked for can't be (`invalid`), the snapshots that it is of aren't there (`not-found`), or the session or sweep has not come so
 * far, or has gone on (`state`).
 */
export type FigureErrorKind = "invalid" | "not-found" | "state";

/** A figure can't be drawn from what was given; the message says what it needs. */
export class FigureError extends Error {
  override readonly name = "FigureError";
  readonly kind: FigureErrorKind;

  constructor(message: string, kind: FigureErrorKind) {
    super(message);
    this.kind = kind;
  }
}
