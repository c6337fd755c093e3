import { type StateArrays, stateFrom } from "../../model/network-state.ts";
import type { SpectralMeasures } from "../../model/spectral-measures.ts";
import { checkAdvance } from "../checks.ts";
import type { Advance, AdvanceOptions, Problem, Trace, Trainer, TrainerState } from "../engine.ts";
import { TrainerCalls } from "../trainer-calls.ts";
import {
  type Captures,
  type KernelAdvance,
  type KernelTrainer,
  longestAdvance,
  traceColumns,
  type Weights,
} from "./kernel.ts";
import { spectralMeasures } from "./measures.ts";
import { newArrays } from "./state-layout.ts";
import { ThreadChoice } from "./thread-choice.ts";

/**
 * Into how many pieces an advance is cut in a cohort larger than the number of threads, so that its members take turns on them and end
 * at about the same time; and how short those may become.
 */
const [turns, shortestTurn] = [8, 64];

type Columns = { -readonly [column in keyof Trace]: Float64Array };

/** The engine of a trainer, and what it wants to know. */
export interface TrainerOwner {
  readonly threads: number;
  /** A call goes to the kernel. */
  called(call: Promise<unknown>): void;
  closed(trainer: CpuTrainer): void;
}

/** One network resident in the kernel. Keeps its calls apart, and cuts long ones. */
export class CpuTrainer implements Trainer {
  step: number;
  current: Trace;
  readonly #problem: Problem;
  readonly #kernel: KernelTrainer;
  /** Running means of the gradient begin with the update that leaves this step. */
  readonly #averagesAfter: number;
  readonly #calls: TrainerCalls;
  readonly #owner: TrainerOwner;
  readonly #threadChoice = new ThreadChoice();

  /** Loads `state` into `kernel`. */
  static async open(
    problem: Problem,
    state: TrainerState,
    kernel: KernelTrainer,
    owner: TrainerOwner,
  ): Promise<CpuTrainer> {
    let trace: Float64Array;
    try {
      trace = await kernel.load(state);
    } catch (error) {
      kernel.free();
      throw error;
    }
    return new CpuTrainer(problem, state, columnsOf({ made: 1, trace }, 1), kernel, owner);
  }

  private constructor(
    problem: Problem,
    { step, averages }: TrainerState,
    current: Trace,
    kernel: KernelTrainer,
    owner: TrainerOwner,
  ) {
    this.#problem = problem;
    this.step = step;
    this.current = current;
    this.#averagesAfter = averages === undefined ? step : step - 1;
    this.#kernel = kernel;
    this.#owner = owner;
    this.#calls = new TrainerCalls(() => kernel.free());
  }

  async advance(steps: number, options: AdvanceOptions = {}): Promise<Advance> {
    checkAdvance(steps, options);
    return this.#exclusively("advance", () => this.#advance(steps, options));
  }

  readState(): Promise<TrainerState> {
    return this.#exclusively("readState", async () => {
      const arrays: StateArrays = newArrays(this.#problem);
      const step = await this.#kernel.read(arrays);
      const { averages, ...state } = stateFrom(step, arrays);
      return averages === undefined || step === this.#averagesAfter ? state : { ...state, averages };
    });
  }

  measure(): Promise<SpectralMeasures> {
    return this.#exclusively("measure", async () => spectralMeasures(await this.#kernel.measure(), 0));
  }

  close(): void {
    if (this.#calls.isClosed) return;
    this.#owner.closed(this);
    if (this.#calls.isBusy) this.#kernel.stop();
    this.#calls.close();
  }

  async #advance(steps: number, options: AdvanceOptions): Promise<Advance> {
    const { signal, weightsAt = [], measureAt = [], cohort = 1 } = options;
    const { threads } = this.#owner;
    const mostThreads = Math.max(1, Math.floor(threads / cohort));
    const turn = Math.max(shortestTurn, Math.ceil(steps / turns));
    const longest = cohort > threads ? Math.min(longestAdvance, turn) : longestAdvance;
    // In a cohort there is nothing to choose: its members have the threads that there are between them.
    const choice = cohort === 1 ? this.#threadChoice : undefined;
    const weights: Weights[] = [];
    const measures: SpectralMeasures[] = [];
    const stop = () => this.#kernel.stop();
    signal?.addEventListener("abort", stop);
    const pieces: Trace[] = [];
    let made = 0;
    let diverged = false;
    try {
      while (made < steps && !diverged && !this.#calls.isClosed) {
        if (signal?.aborted) break;
        const wanted = weightsAt.slice(weights.length, weights.length + this.#kernel.mostCaptures);
        // A piece ends where it has made all the copies that it can, when more are wanted.
        const all = weights.length + wanted.length === weightsAt.length;
        const end = Math.min(
          steps,
          made + Math.min(longest, choice?.steps ?? longest),
          all ? steps : wanted[wanted.length - 1],
        );
        const asked = end - made;
        const captures = this.#newCaptures(ofPiece(weightsAt, weights.length, made, end));
        const measured = ofPiece(measureAt, measures.length, made, end);
        const began = performance.now();
        const most = Math.min(mostThreads, choice?.threads ?? mostThreads);
        const piece = await this.#kernel.advance(asked, captures, measured, most);
        const milliseconds = performance.now() - began;
        choice?.learn({ threads: piece.threads, steps: piece.made, milliseconds });
        pieces.push(columnsOf(piece, asked));
        weights.push(...this.#reached(captures, piece.made));
        for (let i = 0; measured[i] <= piece.made; i++) measures.push(spectralMeasures(piece.measures, i));
        made += piece.made;
        diverged = piece.diverged;
        this.step += piece.made;
        if (piece.made > 0) this.current = lastRow(pieces[pieces.length - 1]);
        if (piece.made < asked) break;
      }
    } finally {
      signal?.removeEventListener("abort", stop);
    }
    return { steps: made, diverged, trace: concatenate(pieces), weights, measures };
  }

  #exclusively<T>(name: string, call: () => Promise<T>): Promise<T> {
    const result = this.#calls.exclusively(name, call);
    this.#owner.called(result);
    return result;
  }

  get #size(): number {
    return this.#problem.width * this.#problem.modulus;
  }

  #newCaptures(at: Int32Array): Captures {
    const length = at.length * this.#size;
    return { at, theta: new Float32Array(length), xi: new Float32Array(length) };
  }

  #reached({ at, theta, xi }: Captures, made: number): Weights[] {
    const size = this.#size;
    const rows = (all: Float32Array, k: number) => all.slice(k * size, (k + 1) * size);
    return [...at.filter((after) => after <= made).keys()].map((k) => ({
      theta: rows(theta, k),
      xi: rows(xi, k),
    }));
  }
}

/** Those of `steps` from index `from` on that fall into the piece (made, end], counted from its beginning. */
function ofPiece(steps: readonly number[], from: number, made: number, end: number): Int32Array {
  let to = from;
  while (steps[to] <= end) to++;
  return Int32Array.from(steps.slice(from, to), (at) => at - made);
}

function mapColumns(column: (name: keyof Trace, index: number) => Float64Array): Trace {
  const columns = {} as Columns;
  for (const [index, name] of traceColumns.entries()) columns[name] = column(name, index);
  return columns;
}

function columnsOf({ made, trace }: Pick<KernelAdvance, "made" | "trace">, rows: number): Trace {
  return mapColumns((_, index) => trace.subarray(index * rows, index * rows + made));
}

function lastRow(trace: Trace): Trace {
  return mapColumns((name) => trace[name].slice(-1));
}

function concatenate(pieces: readonly Trace[]): Trace {
  if (pieces.length === 1) return pieces[0];
  return mapColumns((name) => {
    const columns = pieces.map((piece) => piece[name]);
    const whole = new Float64Array(columns.reduce((length, column) => length + column.length, 0));
    let offset = 0;
    for (const column of columns) {
      whole.set(column, offset);
      offset += column.length;
    }
    return whole;
  });
}
