import type { Session, SessionInfo } from "@grokbox/sdk";
import { html, nothing } from "lit";
import { live } from "lit/directives/live.js";
import { count, short } from "../../../cli/numbers.ts";
import { pairsText, specText, stopText } from "../../../cli/spec-text.ts";
import { canPause, canTrain, idOf, isTraining, usualEnd } from "../data/session-calls.ts";
import type { SessionView } from "../data/session-view.ts";
import { timeLeft } from "../data/time-left.ts";
import { LightElement } from "../light-element.ts";
import { formatLink } from "../link.ts";
import { ControlsFocus } from "./controls-focus.ts";

/** Steps of the button for a few. */
const fewSteps = 100;

/** What the session is, what it does now, and what makes it do something else. */
export class SessionHead extends LightElement {
  static override properties = { view: { attribute: false } };
  declare view: SessionView;
  #until = "";
  #underWay: Promise<unknown> = Promise.resolve();
  #said = "";

  constructor() {
    super();
    new ControlsFocus(this, ["[data-do=toggle]", "h1"]);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.until(
      this.view.onInfo(() => {
        this.#announce();
        this.requestUpdate();
      }),
    );
    this.until(this.view.box.server.subscribe(() => this.requestUpdate()));
  }

  /** Changes of state and stage; not what they were when the page was opened. */
  #announce(): void {
    const { info, box } = this.view;
    if (info === undefined) return;
    const said = `${info.state}${info.stages?.current === undefined ? "" : `, ${info.stages.current}`}`;
    if (this.#said !== "" && said !== this.#said) box.announcer.say(`${said}, at step ${count(info.step)}`);
    this.#said = said;
  }

  /** Pauses when it runs, or else runs where it can. Asked for again while that is under way, it is done again afterwards. */
  toggle(): void {
    this.#then(async () => {
      const { info } = this.view;
      if (info === undefined) return;
      if (canPause(info)) await this.#call("Can't pause", async (session) => session.pause());
      else if (canTrain(info)) await this.#run(info);
    });
  }

  async #run(info: SessionInfo): Promise<void> {
    // Of a text that is no number the field has no value, as if it were left empty.
    if (this.querySelector("input")?.reportValidity() === false) return;
    const untilStep = this.#until === "" ? this.#usualEnd(info) : Number(this.#until);
    const isTaken = await this.#call("Can't run", async (session) => session.run({ untilStep }).started);
    // What was refused stays, to be put right.
    if (isTaken) this.#until = "";
    this.requestUpdate();
  }

  #usualEnd(info: SessionInfo): number {
    return usualEnd(info, this.view.box.server.info?.presets ?? []);
  }

  #step(): void {
    const { info } = this.view;
    if (info === undefined || !canTrain(info)) return;
    this.#then(() =>
      this.#call("Can't make steps", async (session) => {
        await session.step(fewSteps);
        return session.info;
      }),
    );
  }

  /** One after the other, as they were asked for. */
  #then(work: () => Promise<unknown>): void {
    this.#underWay = this.#underWay.then(work);
  }

  /** @returns whether the server did it */
  async #call(what: string, call: (session: Session) => Promise<SessionInfo>): Promise<boolean> {
    const info = await this.view.box.attempt(what, async () => call(await this.view.session()));
    if (info !== undefined) this.view.put(info);
    return info !== undefined;
  }

  override render() {
    const { info } = this.view;
    if (info === undefined) return html`<header class="head"><h1>${this.view.link.id}</h1></header>`;
    const { state, spec, labels, preset, engine, durability, run, parent, sweep } = info;
    const rate = isTraining(info) ? this.view.box.sessions.rateOf(info.name) : undefined;
    const until = rate === undefined ? undefined : run?.untilStep;
    const left = until === undefined ? undefined : timeLeft((until - info.step) / rate!);
    return html`
      <header class="head">
        <div>
          <div class="title">
            <h1 tabindex="-1">${preset === "" ? idOf(info.name) : preset}</h1>
            ${preset === "" ? nothing : html`<span class="muted">${idOf(info.name)}</span>`}
            <span class="state" data-state=${state}>${state}</span>
            <span class="muted rate">
              ${rate === undefined ? nothing : html`${short(rate)} steps/s`}
              ${until === undefined ? nothing : html`· ${left} to step ${count(until)}`}
              ${info.stopReason === undefined || isTraining(info) ? nothing : stopText(info.stopReason)}
            </span>
          </div>
        </div>
        <div class="controls">${this.#controls(info)}</div>
        <div class="all">
          <div class="facts">
            <span>${specText(spec)}</span>
            <span>${pairsText(info)}</span>
          </div>
          <div class="facts">
            <span title=${info.engineReason}>engine ${engine}</span>
            <span>${durabilityText(info)}</span>
            ${durability?.alarm ? html`<span class="alarm">${durability.alarm}</span>` : nothing}
            ${sweep === undefined ? nothing : html`<span>run ${count(sweep.run)} of ${this.#sweep(sweep.name)}</span>`}
            ${parent === undefined ? nothing : html`<span>forked from ${this.#parent(parent.snapshot)}</span>`}
            <span class="labels">${Object.entries(labels).map(([key, value]) => html`<span class="chip">${key}=${value}</span>`)}</span>
          </div>
        </div>
      </header>
    `;
  }

  #sweep(name: string) {
    const id = name.slice("sweeps/".length);
    return html`<a href=${formatLink({ page: "sweep", id })}>sweep ${id}</a>`;
  }

  #controls(info: SessionInfo) {
    const trains = isTraining(info);
    const can = canTrain(info);
    if (!trains && !can) return nothing;
    const steps = info.state === "stepping";
    // One button for both, and never disabled: they keep the focus of who goes on by keyboard.
    return html`
      ${can ? this.#untilField(info) : nothing}
      <button class="main" data-do="toggle" aria-disabled=${steps} @click=${this.toggle}>${trains ? "Pause" : "Run"}</button>
      ${can || steps ? html`<button aria-disabled=${steps} @click=${this.#step}>Step ${fewSteps}</button>` : nothing}
    `;
  }

  #untilField(info: SessionInfo) {
    return html`
      <label class="field">
        to step
        <input
          type="number"
          min=${info.step + 1}
          max=${Number.MAX_SAFE_INTEGER}
          step="1"
          placeholder=${this.#usualEnd(info)}
          .value=${live(this.#until)}
          @input=${(event: InputEvent) => {
            this.#until = (event.target as HTMLInputElement).value;
          }}
          @keydown=${(event: KeyboardEvent) => event.key === "Enter" && !event.repeat && this.toggle()}
        />
      </label>
    `;
  }

  #parent(snapshot: string) {
    const [, id = "", , step = ""] = snapshot.split("/");
    return html`<a href=${formatLink({ page: "session", id, step: Number(step) })}>${id}</a> at step ${count(Number(step))}`;
  }
}

function durabilityText({ durability, step }: SessionInfo): string {
  if (durability === undefined) return "in memory only";
  if (durability.committedStep >= step) return "all of it on disk";
  return `on disk up to step ${count(durability.committedStep)}`;
}

customElements.define("grokbox-session-head", SessionHead);
