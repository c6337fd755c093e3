/** A figure can't be drawn from what was given; the message says what it needs. */
export class FigureError extends Error {
  override readonly name = "FigureError";
}
