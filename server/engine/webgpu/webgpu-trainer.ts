import type { SpectralMeasures } from "../../model/spectral-measures.ts";
import { checkAdvance } from "../checks.ts";
import type { Advance, AdvanceOptions, Problem, Trace, Trainer, TrainerState } from "../engine.ts";
import { TrainerCalls } from "../trainer-calls.ts";
import type { GpuThread } from "./gpu-thread.ts";
import { columnsOf } from "./trace-row.ts";

/** The engine of a trainer, and what it wants to know. */
export interface TrainerOwner {
  /** A call goes to the thread. */
  called(call: Promise<unknown>): void;
  closed(trainer: WebGpuTrainer): void;
}

/** One network resident on the device. */
export class WebGpuTrainer implements Trainer {
  step: number;
  current: Trace;
  readonly #number: number;
  readonly #thread: GpuThread;
  readonly #owner: TrainerOwner;
  readonly #calls: TrainerCalls;

  /** @param number - what the thread is to know it by */
  static async open(
    problem: Problem,
    state: TrainerState,
    number: number,
    thread: GpuThread,
    owner: TrainerOwner,
  ): Promise<WebGpuTrainer> {
    const current = await thread.call("open", { trainer: number, problem, state });
    return new WebGpuTrainer(state.step, current, number, thread, owner);
  }

  private constructor(step: number, current: Trace, number: number, thread: GpuThread, owner: TrainerOwner) {
    this.step = step;
    this.current = current;
    this.#number = number;
    this.#thread = thread;
    this.#owner = owner;
    this.#calls = new TrainerCalls(() => this.#tell("close"));
  }

  async advance(steps: number, options: AdvanceOptions = {}): Promise<Advance> {
    checkAdvance(steps, options);
    return this.#exclusively("advance", () => this.#advance(steps, options));
  }

  readState(): Promise<TrainerState> {
    return this.#exclusively("readState", () => this.#thread.call("readState", { trainer: this.#number }));
  }

  measure(): Promise<SpectralMeasures> {
    return this.#exclusively("measure", () => this.#thread.call("measure", { trainer: this.#number }));
  }

  close(): void {
    if (this.#calls.isClosed) return;
    this.#owner.closed(this);
    if (this.#calls.isBusy) this.#tell("stop");
    this.#calls.close();
  }

  async #advance(steps: number, options: AdvanceOptions): Promise<Advance> {
    const { signal, weightsAt = [], measureAt = [] } = options;
    if (signal?.aborted) {
      return { steps: 0, diverged: false, trace: columnsOf([]), weights: [], measures: [] };
    }
    const stop = () => this.#tell("stop");
    signal?.addEventListener("abort", stop);
    try {
      const args = { trainer: this.#number, steps, weightsAt, measureAt };
      const result = await this.#thread.call("advance", args);
      this.step += result.steps;
      if (result.steps > 0) this.current = lastRow(result.trace);
      return result;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  #exclusively<T>(name: string, call: () => Promise<T>): Promise<T> {
    const result = this.#calls.exclusively(name, call);
    this.#owner.called(result);
    return result;
  }

  #tell(what: "stop" | "close"): void {
    // The thread may be gone already, and the network with it.
    this.#thread.call(what, { trainer: this.#number }).catch(() => {});
  }
}

function lastRow(trace: Trace): Trace {
  return Object.fromEntries(
    Object.entries(trace).map(([name, values]: [string, Float64Array]) => [name, values.slice(-1)]),
  ) as unknown as Trace;
}
