/** Fills a mark around a place: a disc, a square or a triangle, so that kinds are told apart by more than their colour. */
export function mark(
  context: CanvasRenderingContext2D,
  kind: number,
  x: number,
  y: number,
  size: number,
): void {
  context.beginPath();
  if (kind === 0) context.arc(x, y, size, 0, 2 * Math.PI);
  else if (kind === 1) context.rect(x - 0.9 * size, y - 0.9 * size, 1.8 * size, 1.8 * size);
  else {
    context.moveTo(x, y - 1.1 * size);
    context.lineTo(x + 1.1 * size, y + 0.9 * size);
    context.lineTo(x - 1.1 * size, y + 0.9 * size);
  }
  context.fill();
}
