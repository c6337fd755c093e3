import type { ProgressPoint } from "@grokbox/sdk";
import { html } from "lit";
import { count, measure, percent } from "../../../cli/numbers.ts";
import type { SessionView } from "../data/session-view.ts";
import { frames, readableMs } from "../draw/frames.ts";
import { setText } from "../draw/text.ts";
import { LightElement } from "../light-element.ts";

interface Readout {
  readonly id: string;
  readonly title: string;
  readonly hint: string;
  value(point: ProgressPoint): number | undefined;
  text(value: number | undefined): string;
  /** Not every point carries it: the last value is shown. */
  readonly isScheduled?: boolean;
}

const nats = (value: number | undefined) => (value === undefined ? "–" : `${measure(value)} nats`);
const share = (value: number | undefined) => (value === undefined ? "–" : percent(value));
const plain = (value: number | undefined) => (value === undefined ? "–" : measure(value));

const rows: readonly (readonly Readout[])[] = [
  [
    {
      id: "trainAccuracy",
      title: "Train accuracy",
      hint: "of training pairs",
      value: (point) => point.trainAccuracy,
      text: share,
    },
    {
      id: "testAccuracy",
      title: "Test accuracy",
      hint: "of test pairs",
      value: (point) => point.testAccuracy,
      text: share,
    },
    {
      id: "common",
      title: "Common",
      hint: "accuracy where both orders are trained on",
      value: (point) => point.accuracy.common,
      text: share,
    },
    {
      id: "rare",
      title: "Rare",
      hint: "accuracy where only this order is trained on",
      value: (point) => point.accuracy.rare,
      text: share,
    },
    {
      id: "partner",
      title: "Partner",
      hint: "accuracy of test pairs whose other order is trained on",
      value: (point) => point.accuracy.partner,
      text: share,
    },
    {
      id: "heldOut",
      title: "Held out",
      hint: "accuracy where neither order is trained on",
      value: (point) => point.accuracy.heldOut,
      text: share,
    },
  ],
  [
    {
      id: "trainLoss",
      title: "Train loss",
      hint: "mean cross-entropy",
      value: (point) => point.trainLoss,
      text: nats,
    },
    {
      id: "testLoss",
      title: "Test loss",
      hint: "mean cross-entropy",
      value: (point) => point.testLoss,
      text: nats,
    },
    {
      id: "ipr",
      title: "IPR",
      hint: "inverse participation ratio over frequencies, mean of both layers",
      value: (point) => point.ipr,
      text: plain,
      isScheduled: true,
    },
    {
      id: "meanAbsSinMisalignment",
      title: "Mean |sin D|",
      hint: "D = 2φ − ψ at each neuron's dominant frequency",
      value: (point) => point.meanAbsSinMisalignment,
      text: plain,
      isScheduled: true,
    },
    {
      id: "parameterNorm",
      title: "Weight norm",
      hint: "Frobenius norm of all weights",
      value: (point) => point.parameterNorm,
      text: plain,
    },
    {
      id: "gradientNorm",
      title: "Gradient norm",
      hint: "of the training loss, without decay",
      value: (point) => point.gradientNorm,
      text: plain,
    },
  ],
];

const readouts = rows.flat();

/** What was recorded at the step that is looked at: for people as text, for scripts to the last digit. */
class Readouts extends LightElement {
  static override properties = { view: { attribute: false } };
  declare view: SessionView;

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(
      this.view.subscribe(() =>
        frames.request(this.#draw, this.view.pinnedStep === undefined ? readableMs : 0),
      ),
    );
    this.until(() => frames.cancel(this.#draw));
  }

  override firstUpdated(): void {
    frames.request(this.#draw);
  }

  readonly #draw = (): void => {
    const { point, stage } = this.view;
    for (const { id, value, text, isScheduled } of readouts) {
      const carrier = point && isScheduled ? this.view.carrierOf(point, value) : point;
      const found = carrier && value(carrier);
      this.#set(id, text(found), found, carrier === point ? undefined : carrier?.step);
    }
    this.#set("step", point === undefined ? "–" : count(point.step), point?.step);
    this.#set("stage", stage ?? "–", stage);
  };

  /** @param from - the step that the value is of, when it is an earlier one */
  #set(id: string, text: string, value: number | string | undefined, from?: number): void {
    const element = this.querySelector<HTMLElement>(`[data-measure="${id}"]`);
    if (element === null) return;
    setText(element, text);
    const exact = value === undefined ? "" : String(value);
    if (element.dataset.value !== exact) element.dataset.value = exact;
    const title = from === undefined ? "" : `at step ${count(from)}`;
    if (element.title !== title) element.title = title;
  }

  override render() {
    const tile = (id: string, title: string, hint: string) =>
      html`<div title=${hint}><dt>${title}</dt><dd data-measure=${id}></dd></div>`;
    return html`
      <dl class="readouts" aria-label="Measures at the step shown">
        ${tile("step", "Step", "updates made")} ${rows[0]!.map(({ id, title, hint }) => tile(id, title, hint))}
        ${tile("stage", "Stage", "as far as is known by now")} ${rows[1]!.map(({ id, title, hint }) => tile(id, title, hint))}
      </dl>
    `;
  }
}

customElements.define("grokbox-readouts", Readouts);
