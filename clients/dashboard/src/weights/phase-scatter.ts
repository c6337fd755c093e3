import { type Wave, waves } from "@grokbox/sdk";
import { html, nothing, type PropertyValues } from "lit";
import { count, measure } from "../../../cli/numbers.ts";
import { wrap } from "../../../figures/spectrum.ts";
import type { Fitted } from "../draw/canvas.ts";
import { CanvasFigure } from "../draw/canvas-figure.ts";
import { colours } from "../draw/colours.ts";
import type { WeightsState } from "./weights-feed.ts";

const margin = { left: 34, bottom: 18 } as const;

/** At most so far from the pointer is a neuron meant, CSS pixels. */
const reach = 12;

const ticks = [
  [-Math.PI, "−π"],
  [-Math.PI / 2, "−π/2"],
  [0, "0"],
  [Math.PI / 2, "π/2"],
  [Math.PI, "π"],
] as const;

/** Output phases against twice the input phases, on the torus: aligned neurons lie on the diagonal (paper, figure 5). */
class PhaseScatter extends CanvasFigure {
  static override properties = { state: { attribute: false } };
  declare state: WeightsState | undefined;
  #waves: readonly Wave[] = [];

  protected readonly aspect = 1.06;
  protected readonly initialLabel = "Phases: no weights yet";

  override willUpdate(changed: PropertyValues): void {
    if (!changed.has("state")) return;
    const all = this.state === undefined ? [] : waves(this.state.spectrum);
    // Where theta is constant there are no phases.
    this.#waves = all.filter(({ frequency }) => frequency > 0);
    this.redraw();
  }

  protected paint({ context, width, height }: Fitted): string {
    const { faint, rule, muted, train, ink } = colours();
    const { x, y, side } = scales({ width, height });
    context.lineWidth = 1;
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = muted;
    for (const [angle, text] of ticks) {
      context.strokeStyle = Math.abs(angle) > 3 ? rule : faint;
      context.strokeRect(x(angle), y(Math.PI), 0, side);
      context.strokeRect(x(-Math.PI), y(angle), side, 0);
      context.textAlign = angle < -3 ? "left" : angle > 3 ? "right" : "center";
      context.textBaseline = "bottom";
      context.fillText(text, x(angle), y(-Math.PI) + margin.bottom);
      context.textAlign = "right";
      context.textBaseline = angle < -3 ? "bottom" : angle > 3 ? "top" : "middle";
      context.fillText(text, x(-Math.PI) - 5, y(angle));
    }
    context.beginPath();
    context.moveTo(x(-Math.PI), y(-Math.PI));
    context.lineTo(x(Math.PI), y(Math.PI));
    context.setLineDash([6, 4]);
    context.strokeStyle = ink;
    context.globalAlpha = 0.5;
    context.stroke();
    context.setLineDash([]);
    context.fillStyle = train;
    context.globalAlpha = 0.55;
    context.beginPath();
    for (const { phi, psi } of this.#waves) {
      const [left, top] = [x(wrap(2 * phi)), y(psi)];
      context.moveTo(left + 2.4, top);
      context.arc(left, top, 2.4, 0, 2 * Math.PI);
    }
    context.fill();
    context.globalAlpha = 1;
    if (this.state === undefined) return this.initialLabel;
    const { meanAbsSinMisalignment: mean } = this.state.spectrum;
    return `Phases: output phase against twice the input phase of ${count(this.#waves.length)} neurons at step ${count(this.state.step)}; mean |sin D| ${measure(mean)}, 0 when all lie on the diagonal and 0.637 for unrelated phases`;
  }

  protected valueAt(left: number, top: number, fit: Fitted): string | undefined {
    const { x, y } = scales(fit);
    let nearest: Wave | undefined;
    let distance = reach;
    for (const wave of this.#waves) {
      const here = Math.hypot(x(wrap(2 * wave.phi)) - left, y(wave.psi) - top);
      if (here < distance) [nearest, distance] = [wave, here];
    }
    if (nearest === undefined) return undefined;
    const { neuron, frequency, phi, psi, misalignment } = nearest;
    return `neuron ${neuron}, k = ${frequency}: 2φ ${angle(wrap(2 * phi))}, ψ ${angle(psi)}, D ${angle(misalignment)} rad`;
  }

  protected caption() {
    return html`<h3>Phases</h3><span class="muted">ψ against 2φ, radians</span>`;
  }

  protected override footer() {
    if (this.state === undefined) return nothing;
    const { meanAbsSinMisalignment: mean } = this.state.spectrum;
    return html`<p class="note">a point a neuron${mean === undefined ? "" : `; mean |sin D| ${measure(mean)}`}</p>`;
  }
}

function angle(value: number): string {
  return value.toFixed(2).replace("-", "−");
}

function scales({ width, height }: Pick<Fitted, "width" | "height">) {
  const side = Math.min(width - margin.left, height - margin.bottom) - 1;
  const share = (value: number) => (value + Math.PI) / (2 * Math.PI);
  return {
    side,
    x: (value: number) => margin.left + 0.5 + side * share(value),
    y: (value: number) => 0.5 + side * (1 - share(value)),
  };
}

customElements.define("grokbox-phases", PhaseScatter);
