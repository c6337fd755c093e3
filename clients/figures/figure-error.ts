/** What was asked for can't be (`invalid`), or there is no such snapshot (`not-found`). */
export type FigureErrorKind = "invalid" | "not-found";

/** A figure can't be drawn from what was given; the message says what it needs. */
export class FigureError extends Error {
  override readonly name = "FigureError";
  /** Undefined where what was asked for is right, but not there yet, such as a run that has finished. */
  readonly kind: FigureErrorKind | undefined;

  constructor(message: string, kind?: FigureErrorKind) {
    super(message);
    this.kind = kind;
  }
}
