import type { Advance, AdvanceOptions, Engine, TrainerState } from "../engine/engine.ts";
import { DeviceLostError } from "../engine/errors.ts";
import type { Spec } from "../model/spec.ts";
import { type Awake, openTrainer } from "./awake.ts";
import { GrokboxError } from "./errors.ts";
import type { Observer } from "./observer.ts";
import type { Snapshot } from "./snapshot.ts";
import type { StepTime, StepTimes } from "./step-times.ts";

/**
 * After so many losses of the device in a row, without an update between them, whoever waits for one is told; and after as many of
 * updates that were to be new, without a new one between them: they may be what it does not stand.
 */
const mostLosses = 3;

/** Of updates that are made again at once, milliseconds. */
const catchUpMs = 20;

/** Of the time of updates that are made again, what goes into keeping copies of their states. */
const largestCopyShare = 0.05;

/** A state from which a lost one can be made again: the one committed last, or a later one that the session was given. */
export interface Origin extends Pick<Snapshot, "state" | "train"> {
  readonly spec: Spec;
}

export interface RecoveringTrainerParts {
  /** Where it begins; `move` changes it. */
  readonly engine: Engine;
  readonly observer: Observer;
  readonly stepTimes: StepTimes;
}

/**
 * A trainer that outlives its device. When that is lost only weights are: it goes back to its origin with a new trainer, and makes the
 * same updates again, to the same bits, up to where it was. It may sleep: then its weights are only in the store. Calls must not overlap.
 */
export class RecoveringTrainer {
  readonly #observer: Observer;
  readonly #stepTimes: StepTimes;
  #spec: Spec;
  #step: number;
  #engine: Engine;
  #time: { readonly spec: Spec; readonly engine: Engine; readonly time: StepTime } | undefined;
  #awake: Awake | undefined;
  #session: string | undefined;
  /** The device of the trainer that there is, is gone. */
  #isLost = false;
  /** Losses of the device since an update was made, and since something new was done. */
  readonly #losses = { sinceAny: 0, sinceNew: 0 };
  #readCommitted: () => Promise<Origin> = () => Promise.reject(new Error("nothing was committed"));
  /** A state that is not committed, or was not when it was left: what the session began with or went to, or one on its way back. */
  #given: Origin | undefined;
  /** Spent on updates that were made again since a copy of their state was kept, and what that took, milliseconds. */
  #onTheWayMs = 0;
  #copyMs = 0;

  /** Asleep, at `step`. */
  constructor(
    { engine, observer, stepTimes }: RecoveringTrainerParts,
    { spec, step }: { readonly spec: Spec; readonly step: number },
  ) {
    this.#engine = engine;
    this.#observer = observer;
    this.#stepTimes = stepTimes;
    this.#spec = spec;
    this.#step = step;
  }

  /** Says whose it is by now, and how the state that was committed last can be had. */
  backBy(session: string, readCommitted: () => Promise<Origin>): void {
    this.#session = session;
    this.#readCommitted = readCommitted;
  }

  /** What `forget` can be told of once the present state is committed. */
  get given(): Origin | undefined {
    return this.#given;
  }

  /** A state was committed while this was what it had been given. */
  forget(given: Origin | undefined): void {
    if (this.#given === given) this.#given = undefined;
  }

  get spec(): Spec {
    return this.#spec;
  }

  get step(): number {
    return this.#step;
  }

  get engine(): Engine {
    return this.#engine;
  }

  /** What decides how many updates make a slice; looked up again when the network or the engine is another. */
  get time(): StepTime {
    const known = this.#time;
    if (known?.spec === this.#spec && known.engine === this.#engine) return known.time;
    const time = this.#stepTimes.of(this.#engine, this.#spec);
    this.#time = { spec: this.#spec, engine: this.#engine, time };
    return time;
  }

  get isAwake(): boolean {
    return this.#awake !== undefined;
  }

  /** What is resident; while awake. */
  get resident(): Awake {
    if (this.#awake === undefined) throw new Error("the trainer is asleep");
    return this.#awake;
  }

  /** Updates that were made are to be made again before anything else is done. */
  get isBehind(): boolean {
    return this.#awake !== undefined && (this.#isLost || this.#awake.trainer.step < this.#step);
  }

  /** Makes it resident; `state` must be the one that it went to sleep with. */
  async wake({ state, train }: Pick<Snapshot, "state" | "train">): Promise<void> {
    this.#awake ??= await this.#open({ spec: this.#spec, state, train });
  }

  /** Frees what is resident. */
  sleep(): void {
    this.#awake?.trainer.close();
    this.#awake = undefined;
    this.#isLost = false;
    this.#given = undefined;
  }

  /** Goes to a state that it is given. Fails with DIVERGED, changing nothing. */
  async goTo(origin: Origin): Promise<void> {
    const awake = await this.#open(origin);
    this.sleep();
    this.#begin(awake, origin);
  }

  /** Goes on as another network of the same size, from the same weights and moments. Fails with DIVERGED, changing nothing. */
  become(spec: Spec): Promise<void> {
    return this.with(async ({ trainer, train }) => {
      const state = await trainer.readState();
      const awake = await openTrainer(this.#engine, spec, train, state, this.#session);
      trainer.close();
      this.#begin(awake, { spec, train, state });
    });
  }

  /**
   * Goes on under another engine, from the same weights and moments; asleep or awake, it is awake afterwards. Fails, changing nothing,
   * with OUT_OF_MEMORY, with DIVERGED, and with DEVICE_LOST of either engine: a state that is committed can be had without the old one.
   *
   * @param committed - the state that is committed, when it is asleep
   */
  async move(engine: Engine, committed?: Pick<Snapshot, "state" | "train">): Promise<void> {
    const { state, train } = committed ?? (await this.#present());
    let awake: Awake;
    try {
      awake = await openTrainer(engine, this.#spec, train, state, this.#session);
    } catch (error) {
      throw error instanceof DeviceLostError ? deviceLost(engine, error) : error;
    }
    this.#awake?.trainer.close();
    this.#engine = engine;
    this.#works();
    this.#begin(awake, { spec: this.#spec, train, state });
  }

  readState(): Promise<TrainerState> {
    return this.with(({ trainer }) => trainer.readState());
  }

  /**
   * Makes new updates; it must not be behind.
   *
   * @returns undefined when the device was lost, and with it whatever was made
   */
  async advance(steps: number, options: AdvanceOptions): Promise<Advance | undefined> {
    const { trainer } = this.resident;
    let result: Advance;
    try {
      result = await trainer.advance(steps, options);
    } catch (error) {
      // What else fails may have made updates before.
      if (!(error instanceof DeviceLostError)) this.#step = trainer.step;
      this.#lose(error, "new");
      return undefined;
    }
    this.#step = trainer.step;
    if (result.steps > 0) this.#works();
    return result;
  }

  /**
   * Makes lost updates again, at most so many, or fewer when `signal` aborts. Fails with DEVICE_LOST after several losses in a row.
   *
   * @param parts - of the device: others have the other parts meanwhile
   */
  async catchUp(most: number, signal: AbortSignal, parts: number): Promise<void> {
    const began = performance.now();
    try {
      if (this.#isLost) {
        const { spec, train, state } = this.#given ?? (await this.#readCommitted());
        this.#awake = await openTrainer(this.#engine, spec, train, state, this.#session);
        this.#isLost = false;
      }
      const { trainer } = this.resident;
      const steps = Math.min(most, this.#step - trainer.step);
      if (steps === 0) return;
      const { diverged, steps: made } = await trainer.advance(steps, { signal, cohort: parts });
      // They were finite, all of them.
      if (diverged) throw new Error(`${this.#engine.name} made other bits of the same updates`);
      if (made > 0) this.#losses.sinceAny = 0;
      if (trainer.step < this.#step) await this.#keepOnTheWay(performance.now() - began);
    } catch (error) {
      this.#lose(error, "again");
    }
  }

  /** So that the next loss does not undo it all: else a device that is lost often would never let a session catch up. */
  async #keepOnTheWay(elapsedMs: number): Promise<void> {
    this.#onTheWayMs += elapsedMs;
    if (this.#onTheWayMs < this.#copyMs / largestCopyShare) return;
    const { trainer, train } = this.resident;
    const began = performance.now();
    this.#given = { spec: this.#spec, train, state: await trainer.readState() };
    this.#copyMs = performance.now() - began;
    this.#onTheWayMs = 0;
  }

  /** Does something with the trainer, which is at `step`; again, with another one, when its device is lost meanwhile. */
  async with<T>(work: (awake: Awake) => Promise<T>): Promise<T> {
    for (;;) {
      while (this.isBehind) await this.catchUp(this.time.stepsIn(catchUpMs, 1), never, 1);
      try {
        const result = await work(this.resident);
        this.#works();
        return result;
      } catch (error) {
        this.#lose(error, "new");
      }
    }
  }

  /** A trainer on the present engine. */
  async #open({ spec, train, state }: Origin): Promise<Awake> {
    for (;;) {
      try {
        return await openTrainer(this.#engine, spec, train, state, this.#session);
      } catch (error) {
        this.#lose(error, "new");
      }
    }
  }

  /** It is where it was told to be. */
  #begin(awake: Awake, given: Origin): void {
    this.#awake = awake;
    this.#isLost = false;
    this.#given = given;
    this.#spec = given.spec;
    this.#step = given.state.step;
  }

  /** The present state, if need be without the trainer. */
  async #present(): Promise<Pick<Snapshot, "state" | "train">> {
    if (this.#isLost) {
      const origin = this.#given ?? (await this.#readCommitted());
      if (origin.state.step === this.#step) return origin;
    }
    const state = await this.readState();
    return { state, train: this.resident.train };
  }

  /** The device does what it is asked. */
  #works(): void {
    this.#losses.sinceAny = this.#losses.sinceNew = 0;
  }

  /**
   * Passes on what is no loss of the device, and DEVICE_LOST after too many.
   *
   * @param work - what was lost: something that had been done before, or not
   */
  #lose(error: unknown, work: "again" | "new"): void {
    if (!(error instanceof DeviceLostError)) throw error;
    this.#observer.deviceLost(this.#engine.name, error);
    if (this.#awake !== undefined) {
      this.#awake.trainer.close();
      this.#isLost = true;
    }
    this.#losses.sinceAny += 1;
    if (work === "new") this.#losses.sinceNew += 1;
    if (Math.max(this.#losses.sinceAny, this.#losses.sinceNew) < mostLosses) return;
    this.#works();
    throw deviceLost(this.#engine, error);
  }
}

const never = new AbortController().signal;

function deviceLost({ name }: Engine, { message }: DeviceLostError): GrokboxError {
  return new GrokboxError("DEVICE_LOST", `the device of engine ${name} is lost: ${message}`, {
    engine: name,
  });
}
