/** A canvas with a pixel of its own for each of the screen's, drawn on in CSS pixels. */
export interface Fitted {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
}

/** Gives a canvas as many pixels as it has room for; one that has them already keeps what is drawn. */
export function fitted(canvas: HTMLCanvasElement): Fitted {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = devicePixelRatio;
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) {
    canvas.width = across;
    canvas.height = down;
  }
  const context = canvas.getContext("2d")!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { context, width, height };
}
