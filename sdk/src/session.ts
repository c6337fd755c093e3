import { AnalysisService } from "@grokbox/proto/analysis";
import { SessionService } from "@grokbox/proto/session";
import { SnapshotService } from "@grokbox/proto/snapshot";
import { type ActivationScores as ActivationScoresMessage, TrainingService } from "@grokbox/proto/training";
import { type Connection, longDeadlineMs } from "./connection.ts";
import type { CallOptions } from "./deadline.ts";
import { type DownloadedSnapshot, downloadSnapshot } from "./download.ts";
import { GrokboxError } from "./error.ts";
import {
  type ActivationScores,
  type Evaluation,
  fromActivationScores,
  fromEvaluation,
} from "./evaluation.ts";
import type { ProgressEvent } from "./progress-event.ts";
import { fromPoint, type ProgressPoint } from "./progress-point.ts";
import { Run } from "./run.ts";
import { type RunPlan, toRunPlan } from "./run-plan.ts";
import { fromSession, type SessionInfo } from "./session-info.ts";
import { fromSnapshot, type Snapshot } from "./snapshot.ts";
import type { NeuronRange, Spectrum } from "./spectrum.ts";
import { readSpectrum } from "./spectrum-pages.ts";
import { fromUint64, toOptionalUint64, toUint64 } from "./uint64.ts";
import { type WatchOptions, watchProgress } from "./watch.ts";

/** A call that is refused with `STEP_MISMATCH` unless the session is at this step when its turn comes. */
export interface ExpectedStep {
  readonly expectedStep?: number | undefined;
}

/** Which state to look at. */
export interface At {
  /** The step of a snapshot. @default the present state */
  readonly at?: number | undefined;
}

export interface SpectrumOptions extends CallOptions, At {
  /** Whose coefficients to send; the means are over all neurons in any case. @default all */
  readonly neurons?: NeuronRange | undefined;
}

/** What `signal` stops is the starting and the watching; the run itself goes on until it is paused. */
export interface RunOptions extends RunPlan, CallOptions, ExpectedStep {}

/**
 * A handle of a session on the server. Letting go of it (`await using`) ends what it watches; the session stays, and a run goes on.
 * Deleting and pausing are explicit calls.
 */
export class Session implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #release = new AbortController();
  #info: SessionInfo;

  /** Made by `Grokbox`, not by scripts. */
  constructor(connection: Connection, info: SessionInfo) {
    this.#connection = connection;
    this.#info = info;
  }

  /** sessions/{id} */
  get name(): string {
    return this.#info.name;
  }

  /** The session as this handle last heard of it: after the newest call that told, never from a stream. */
  get info(): SessionInfo {
    return this.#info;
  }

  /** Asks the server for the session as it is now. */
  async refresh(options: CallOptions = {}): Promise<SessionInfo> {
    const request = { name: this.name };
    const { session } = await this.#connection.read(SessionService.method.getSession, request, options);
    return this.#learn(fromSession(session));
  }

  /**
   * Makes `steps` updates and waits. Given up, it keeps the steps made, as `refresh` then shows.
   *
   * @param steps - 1 to 100,000,000
   * @param options - the deadline is 10 minutes by default
   * @returns the state reached
   * @throws STEP_MISMATCH, SESSION_STATE during a run, DIVERGED
   */
  async step(steps = 1, options: CallOptions & ExpectedStep = {}): Promise<ProgressPoint> {
    const request = {
      session: this.name,
      steps: toUint64(steps, "steps"),
      expectedStep: toOptionalUint64(options.expectedStep, "expected_step"),
    };
    const { point, session } = await this.#connection.mutate(TrainingService.method.step, request, {
      signal: options.signal,
      deadline: this.#connection.deadline(options, longDeadlineMs),
    });
    this.#learn(fromSession(session));
    return fromPoint(point);
  }

  /** Starts training in the background, at once. See `Run`. */
  run(options: RunOptions = {}): Run {
    const { signal } = options;
    return new Run({
      start: () => this.#startRun(options),
      watch: (from) => this.watch({ from, untilIdle: true, signal }),
      refresh: () => this.refresh({ signal }),
      released: this.#release.signal,
    });
  }

  /** Stops the run under way at the next step; nothing when there is none. Resolves when it has stopped. */
  async pause(options: CallOptions = {}): Promise<SessionInfo> {
    const request = { session: this.name };
    const { session } = await this.#connection.mutate(TrainingService.method.pause, request, options);
    return this.#learn(fromSession(session));
  }

  /**
   * The session's progress, with what was missed shown as a gap. It is taken up again by itself after a lost connection; see
   * `WatchOptions`.
   */
  watch(options: WatchOptions = {}): AsyncGenerator<ProgressEvent, void, undefined> {
    return watchProgress(this.#connection, this.name, options, this.#release.signal);
  }

  /**
   * With `evaluateOnly`: how the weights, of now or of a snapshot, do under each of these activations; nothing is changed.
   * Otherwise the session goes on under the one given, and the answer is how its present weights do under it.
   *
   * @param activations - names as in `Spec.activation`; `x` for `identity`, `quadratic` for `x^2`
   * @returns one an activation, in that order
   */
  async swapActivation(
    activations: string | readonly string[],
    options: CallOptions & ExpectedStep & At & { readonly evaluateOnly?: boolean | undefined } = {},
  ): Promise<ActivationScores[]> {
    const { at, evaluateOnly = false } = options;
    const request = {
      session: this.name,
      activations: typeof activations === "string" ? [activations] : [...activations],
      evaluateOnly,
      expectedStep: toOptionalUint64(options.expectedStep, "expected_step"),
      snapshot: at === undefined ? "" : this.#at(at),
    };
    const method = TrainingService.method.swapActivation;
    const { session, scores } = evaluateOnly
      ? await this.#connection.read(method, request, options)
      : await this.#connection.mutate(method, request, options);
    this.#learn(fromSession(session));
    return scores.map((message: ActivationScoresMessage) => fromActivationScores(message));
  }

  /** Losses and accuracies, in float64. */
  async evaluate(options: CallOptions & At = {}): Promise<Evaluation> {
    const request = { name: this.#at(options.at) };
    return fromEvaluation(await this.#connection.read(AnalysisService.method.evaluate, request, options));
  }

  /** Fourier spectra of both layers, in as many answers as they need. */
  spectrum(options: SpectrumOptions = {}): Promise<Spectrum> {
    return readSpectrum(this.#connection, this.#at(options.at), this.info.spec, options);
  }

  /** Keeps the state at the present step on the server. */
  async snapshot(options: CallOptions & ExpectedStep = {}): Promise<Snapshot> {
    const request = {
      session: this.name,
      expectedStep: toOptionalUint64(options.expectedStep, "expected_step"),
    };
    const { snapshot } = await this.#connection.mutate(SnapshotService.method.snapshot, request, options);
    return fromSnapshot(snapshot);
  }

  /**
   * A snapshot's weights, with their SHA-256 checked.
   *
   * @param options - without `at` a snapshot is taken first, which the server keeps; the deadline is 10 minutes by default
   */
  async download(options: CallOptions & At = {}): Promise<DownloadedSnapshot> {
    const { signal, at } = options;
    const deadline = this.#connection.deadline(options, longDeadlineMs);
    const step = at ?? (await this.snapshot({ signal, deadlineMs: deadline.leftMs })).step;
    return downloadSnapshot(this.#connection, this.#at(step), { signal, deadline });
  }

  /** Stops and forgets the session, its snapshots and its history. */
  async delete(options: CallOptions = {}): Promise<void> {
    await this.#connection.mutate(SessionService.method.deleteSession, { name: this.name }, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#release.abort(new GrokboxError(`the handle of ${this.name} was let go`, { code: "CANCELLED" }));
  }

  async #startRun(options: RunOptions): Promise<{ info: SessionInfo; newestSequence: number }> {
    const request = {
      session: this.name,
      plan: toRunPlan(options),
      expectedStep: toOptionalUint64(options.expectedStep, "expected_step"),
    };
    const { session, newestSequence } = await this.#connection.mutate(
      TrainingService.method.run,
      request,
      options,
    );
    return { info: this.#learn(fromSession(session)), newestSequence: fromUint64(newestSequence) };
  }

  #at(step: number | undefined): string {
    return step === undefined ? this.name : `${this.name}/snapshots/${toUint64(step, "at")}`;
  }

  #learn(info: SessionInfo): SessionInfo {
    this.#info = info;
    return info;
  }
}
