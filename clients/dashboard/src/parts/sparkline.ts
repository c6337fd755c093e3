import { html } from "lit";
import { measure } from "../../../cli/numbers.ts";
import type { Box } from "../data/box.ts";
import { ProgressWatch } from "../data/progress-watch.ts";
import { theme } from "../data/theme.ts";
import { fitted } from "../draw/canvas.ts";
import { colours } from "../draw/colours.ts";
import { frames } from "../draw/frames.ts";
import { LightElement } from "../light-element.ts";

/** As many as a line of this width can show. */
const detail = { from: 1, maxPoints: 64, updatesPerSecond: 2 };

/** The losses of a session so far, on logarithmic axes; watched only while it is on screen. */
class Sparkline extends LightElement {
  static override properties = { box: { attribute: false }, session: { attribute: false } };
  declare box: Box;
  declare session: string;
  #watch: ProgressWatch | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    const observer = new IntersectionObserver(([entry]) => {
      if (entry!.isIntersecting) this.#begin();
      else this.#watch?.stop();
    });
    observer.observe(this);
    this.until(() => observer.disconnect());
    this.until(() => this.#watch?.stop());
    this.until(() => frames.cancel(this.#draw));
    this.until(theme.subscribe(() => frames.request(this.#draw)));
  }

  #begin(): void {
    if (this.#watch === undefined) {
      this.#watch = new ProgressWatch(this.box, this.session, detail);
      this.#watch.subscribe(() => frames.request(this.#draw));
    }
    this.#watch.start();
  }

  readonly #draw = (): void => {
    const canvas = this.querySelector("canvas");
    const points = (this.#watch?.points ?? []).filter(({ step }) => step > 0);
    if (canvas === null) return;
    const { context, width, height } = fitted(canvas);
    context.clearRect(0, 0, width, height);
    const latest = points.at(-1);
    const said =
      latest === undefined
        ? "no steps yet"
        : `train ${measure(latest.trainLoss)}${latest.testLoss === undefined ? "" : `, test ${measure(latest.testLoss)}`} nats`;
    canvas.setAttribute("aria-label", `Loss so far: ${said}`);
    if (points.length < 2) return;
    const losses = points
      .flatMap(({ trainLoss, testLoss }) => [trainLoss, testLoss ?? trainLoss])
      .filter((loss) => loss > 0);
    const [low, high] = [Math.log(Math.min(...losses)), Math.log(Math.max(...losses))];
    const [first, last] = [Math.log(points[0]!.step), Math.log(latest!.step)];
    const x = (step: number) => 1 + ((width - 2) * (Math.log(step) - first)) / (last - first || 1);
    const y = (loss: number) => height - 2 - ((height - 4) * (Math.log(loss) - low)) / (high - low || 1);
    const { train, test } = colours();
    const line = (colour: string, dash: readonly number[], of: "trainLoss" | "testLoss") => {
      context.beginPath();
      for (const point of points) {
        const loss = point[of];
        if (loss !== undefined && loss > 0) context.lineTo(x(point.step), y(loss));
      }
      context.strokeStyle = colour;
      context.lineWidth = 1.5;
      context.lineJoin = "round";
      context.setLineDash([...dash]);
      context.stroke();
    };
    line(test, [4, 3], "testLoss");
    line(train, [], "trainLoss");
  };

  override render() {
    return html`<canvas role="img" aria-label="Loss so far"></canvas>`;
  }
}

customElements.define("grokbox-sparkline", Sparkline);
