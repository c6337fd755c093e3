import type { SpectralMeasures } from "../../model/spectral-measures.ts";
import { checkAdvance } from "../checks.ts";
import type { Advance, AdvanceOptions, Problem, Trace, Trainer, TrainerState } from "../engine.ts";
import { TrainerCalls } from "../trainer-calls.ts";
import { columnsOf } from "./advance-job.ts";
import type { StopFlag } from "./protocol.ts";
import type { WorkerThread } from "./worker-thread.ts";

/** The engine of a trainer, and what it wants to know. */
export interface TrainerOwner {
  /** A call goes to the thread. */
  called(call: Promise<unknown>): void;
  closed(trainer: TensorflowTrainer): void;
}

/** One network resident in the thread that computes. Keeps its calls apart. */
export class TensorflowTrainer implements Trainer {
  step: number;
  current: Trace;
  readonly #number: number;
  readonly #stop: StopFlag;
  readonly #thread: WorkerThread;
  readonly #owner: TrainerOwner;
  readonly #calls = new TrainerCalls(() => this.#free());

  /** @param number - what the thread knows it by */
  static async open(
    problem: Problem,
    state: TrainerState,
    number: number,
    thread: WorkerThread,
    owner: TrainerOwner,
  ): Promise<TensorflowTrainer> {
    const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const current = await thread.call("open", { trainer: number, problem, state, stop });
    return new TensorflowTrainer(state.step, current, number, stop, thread, owner);
  }

  private constructor(
    step: number,
    current: Trace,
    number: number,
    stop: StopFlag,
    thread: WorkerThread,
    owner: TrainerOwner,
  ) {
    this.step = step;
    this.current = current;
    this.#number = number;
    this.#stop = stop;
    this.#thread = thread;
    this.#owner = owner;
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
    if (this.#calls.isBusy) Atomics.store(this.#stop, 0, 1);
    this.#calls.close();
  }

  async #advance(steps: number, options: AdvanceOptions): Promise<Advance> {
    const { signal, weightsAt = [], measureAt = [] } = options;
    if (signal?.aborted) {
      return { steps: 0, diverged: false, trace: columnsOf([]), weights: [], measures: [] };
    }
    Atomics.store(this.#stop, 0, 0);
    const stop = () => Atomics.store(this.#stop, 0, 1);
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

  #free(): void {
    // The thread may be gone already, and the network with it.
    this.#thread.call("close", { trainer: this.#number }).catch(() => {});
  }
}

function lastRow(trace: Trace): Trace {
  return Object.fromEntries(
    Object.entries(trace).map(([name, values]: [string, Float64Array]) => [name, values.slice(-1)]),
  ) as unknown as Trace;
}
