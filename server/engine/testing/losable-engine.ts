import type { SpectralMeasures } from "../../model/spectral-measures.ts";
import type {
  Advance,
  AdvanceOptions,
  Engine,
  Member,
  Network,
  Problem,
  Shape,
  Trainer,
  TrainerState,
} from "../engine.ts";
import { DeviceLostError } from "../errors.ts";

/** An engine under another name, with memory that is counted as its own and a device that can be lost. Closes the one below. */
export class LosableEngine implements Engine {
  readonly name: string;
  readonly memoryBytes?: number;
  readonly #engine: Engine;
  readonly #trainers = new Set<LosableTrainer>();
  /** Nothing brings the device back. */
  isGone = false;
  losses = 0;
  /** Is told of every call once it is under way, and of what an `advance` was asked for besides. */
  called: (what: "open" | "advance" | "readState" | "measure", options?: AdvanceOptions) => void = () => {};

  constructor(engine: Engine, name: string, memoryBytes?: number) {
    this.#engine = engine;
    this.name = name;
    if (memoryBytes !== undefined) this.memoryBytes = memoryBytes;
  }

  get variant(): string {
    return this.#engine.variant;
  }

  get device(): string {
    return this.#engine.device;
  }

  get isa(): string {
    return this.#engine.isa;
  }

  get threads(): number {
    return this.#engine.threads;
  }

  get parts(): number {
    return this.#engine.parts;
  }

  get precision(): "float32" {
    return this.#engine.precision;
  }

  get deterministic(): boolean {
    return this.#engine.deterministic;
  }

  bytesOf(shape: Shape): number {
    return this.#engine.bytesOf(shape);
  }

  /** As if the driver had been reset. */
  lose(): void {
    const loss = new DeviceLostError(`loss ${++this.losses}`);
    for (const trainer of this.#trainers) trainer.lose(loss);
    this.#trainers.clear();
  }

  async open(problem: Problem, state: TrainerState): Promise<Trainer> {
    if (this.isGone) throw new DeviceLostError("it does not come back");
    const { losses } = this;
    const opening = this.#engine.open(problem, state);
    this.called("open");
    const trainer = new LosableTrainer(await opening, (...call) => this.called(...call));
    // Lost while it was being opened.
    if (this.losses > losses) {
      trainer.close();
      throw new DeviceLostError(`loss ${this.losses}`);
    }
    this.#trainers.add(trainer);
    return trainer;
  }

  advance(cohort: readonly Member[]): Promise<Advance>[] {
    return cohort.map(({ trainer, steps, options }) =>
      trainer.advance(steps, { ...options, cohort: cohort.length }),
    );
  }

  logits(network: Network): Promise<Float64Array> {
    return this.#engine.logits(network);
  }

  close(): Promise<void> {
    return this.#engine.close();
  }
}

class LosableTrainer implements Trainer {
  readonly #trainer: Trainer;
  readonly #called: LosableEngine["called"];
  readonly #end = new AbortController();
  #loss: DeviceLostError | undefined;
  #fail: (loss: DeviceLostError) => void = () => {};

  constructor(trainer: Trainer, called: LosableEngine["called"]) {
    this.#trainer = trainer;
    this.#called = called;
  }

  get step(): number {
    return this.#trainer.step;
  }

  get current() {
    return this.#trainer.current;
  }

  lose(loss: DeviceLostError): void {
    this.#loss = loss;
    this.#end.abort();
    this.#fail(loss);
  }

  advance(steps: number, options: AdvanceOptions = {}): Promise<Advance> {
    const signal = options.signal ? AbortSignal.any([options.signal, this.#end.signal]) : this.#end.signal;
    return this.#unlessLost("advance", () => this.#trainer.advance(steps, { ...options, signal }), options);
  }

  readState(): Promise<TrainerState> {
    return this.#unlessLost("readState", () => this.#trainer.readState());
  }

  measure(): Promise<SpectralMeasures> {
    return this.#unlessLost("measure", () => this.#trainer.measure());
  }

  close(): void {
    this.#trainer.close();
  }

  async #unlessLost<T>(
    what: "advance" | "readState" | "measure",
    call: () => Promise<T>,
    options?: AdvanceOptions,
  ): Promise<T> {
    if (this.#loss !== undefined) throw this.#loss;
    const lost = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    const result = call();
    this.#called(what, options);
    return Promise.race([result, lost]);
  }
}
