import type { PairGrids, Scores, Spectrum } from "@grokbox/sdk";
import { GrokboxError } from "@grokbox/sdk";
import { Changes } from "../data/changes.ts";
import type { SessionView } from "../data/session-view.ts";
import { chosenNeurons } from "./neuron-order.ts";

/** What the weights of one state are like. */
export interface WeightsState {
  /** Of the spectrum. */
  readonly step: number;
  /** Of grids and scores: another one when the session trained on between the two answers. */
  readonly gridsStep: number;
  readonly modulus: number;
  /** M; of wide networks the spectrum is of some neurons. */
  readonly width: number;
  readonly spectrum: Spectrum;
  readonly grids: PairGrids;
  readonly scores: Scores;
}

/** More rows than a heatmap has pixels tell the eye nothing. */
const mostNeurons = 512;

/** While it trains, the server is asked this often at most; less often when it takes long to answer, but not without end. */
const restMs = { least: 1_000, most: 2_500, timesTaken: 4 } as const;

/** States of snapshots never change; so many are kept for sliding back and forth. */
const mostKept = 60;

/**
 * The weights at the step that is looked at: now, or of the newest snapshot at or before it. One question is under way at a time, and
 * none while nobody can see what it is for.
 */
export class WeightsFeed extends Changes {
  readonly #view: SessionView;
  /** By epoch and step. */
  readonly #kept = new Map<string, WeightsState>();
  #state: WeightsState | undefined;
  #problem = "";
  #isVisible = false;
  #isAsking = false;
  #ask: AbortController | undefined;
  #restingUntilMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Of the point that the state of now is of. */
  #asked: string | undefined;

  constructor(view: SessionView) {
    super();
    this.#view = view;
  }

  /** The last one that was told; undefined before, and where there is no snapshot. */
  get state(): WeightsState | undefined {
    return this.#state;
  }

  /** Why there is none; empty when all is well. */
  get problem(): string {
    return this.#problem;
  }

  set isVisible(isVisible: boolean) {
    this.#isVisible = isVisible;
    this.look();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#isVisible = false;
    this.#ask?.abort();
  }

  /** Something changed: asks if that makes the state another. */
  look(): void {
    if (this.#isAsking || !this.#isVisible || document.hidden || this.#view.info === undefined) return;
    const { pinnedStep, lastStep } = this.#view;
    if (pinnedStep !== undefined && pinnedStep < lastStep) void this.#look(() => this.#pinned(pinnedStep));
    else if (this.#asked !== this.#now) void this.#look(() => this.#present());
  }

  get #now(): string {
    const { epoch, latest } = this.#view.watch;
    return `${epoch} ${this.#view.info?.step} ${latest?.sequence} ${this.#view.info?.spec.activation}`;
  }

  async #look(read: () => Promise<boolean>): Promise<void> {
    this.#isAsking = true;
    let isMore = false;
    try {
      isMore = await read();
    } catch (error) {
      if (!this.#isVisible) return;
      this.#problem = error instanceof GrokboxError ? error.rawMessage : String(error);
      this.#rest(2_000);
      this.tell();
    } finally {
      this.#isAsking = false;
    }
    if (isMore) this.look();
  }

  /** @returns whether to look again at once: the slider may have moved on meanwhile */
  async #pinned(step: number): Promise<boolean> {
    const { snapshots } = this.#view;
    await snapshots.refresh();
    const at = snapshots.at(step);
    const kept = at === undefined ? undefined : this.#kept.get(this.#key(at));
    if (at === undefined)
      this.#set(undefined, `No snapshot is kept at or before step ${step.toLocaleString("en-US")}.`);
    else if (kept === undefined || this.#state !== kept) this.#set(kept ?? (await this.#keep(at)));
    return this.#view.pinnedStep !== step;
  }

  #key(at: number): string {
    return `${this.#view.watch.epoch} ${at}`;
  }

  async #keep(at: number): Promise<WeightsState> {
    const state = await this.#read(at);
    this.#kept.set(this.#key(at), state);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > mostKept) this.#kept.delete(oldest!);
    return state;
  }

  /** @returns as `#pinned` does */
  async #present(): Promise<boolean> {
    const wait = this.#restingUntilMs - performance.now();
    if (wait > 0) {
      this.#rest(wait);
      return false;
    }
    const asked = this.#now;
    const { pinnedStep } = this.#view;
    const fromMs = performance.now();
    const state = await this.#read(undefined);
    const tookMs = performance.now() - fromMs;
    this.#rest(Math.min(restMs.most, Math.max(restMs.least, restMs.timesTaken * tookMs)));
    if (this.#view.pinnedStep === undefined || this.#view.pinnedStep >= state.step) this.#set(state);
    this.#asked = asked;
    return this.#view.pinnedStep !== pinnedStep;
  }

  /** Looks again after a while. */
  #rest(waitMs: number): void {
    this.#restingUntilMs = performance.now() + waitMs;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.look(), waitMs);
  }

  async #read(at: number | undefined): Promise<WeightsState> {
    this.#ask = new AbortController();
    const { signal } = this.#ask;
    const session = await this.#view.session();
    const { modulus, width } = session.info.spec;
    const neurons = width > mostNeurons ? chosenNeurons(width, mostNeurons) : undefined;
    const [spectrum, { step: gridsStep, grids, scores }] = await Promise.all([
      session.spectrum({ at, neurons, signal }),
      session.evaluate({ at, grids: true, signal }),
    ]);
    return { step: spectrum.step, gridsStep, modulus, width, spectrum, grids: grids!, scores };
  }

  #set(state: WeightsState | undefined, problem = ""): void {
    this.#asked = undefined;
    this.#state = state;
    this.#problem = problem;
    this.tell();
  }
}
