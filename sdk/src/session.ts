import { AnalysisService } from "@grokbox/proto/analysis";
import { SessionService } from "@grokbox/proto/session";
import { SnapshotService } from "@grokbox/proto/snapshot";
import { type ActivationScores as ActivationScoresMessage, TrainingService } from "@grokbox/proto/training";
import { type AblateOptions, type Ablation, type AblationResult, ablate, ablateKeys } from "./ablation.ts";
import { type Connection, longDeadlineMs, type PartOptions } from "./connection.ts";
import { type CallOptions, callKeys } from "./deadline.ts";
import { type DownloadedSnapshot, downloadSnapshot } from "./download.ts";
import { GrokboxError } from "./error.ts";
import {
  type ActivationScores,
  type Evaluation,
  fromActivationScores,
  fromEvaluation,
} from "./evaluation.ts";
import { ExportedFile } from "./exported-file.ts";
import type { FileFormat } from "./file-format.ts";
import { type Flow, type FlowMethod, type NeuronFlowOptions, neuronFlowKeys, simulateFlow } from "./flow.ts";
import { type ForkOptions, forkSession } from "./fork.ts";
import { type HistoryOptions, readHistory } from "./history.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import { type Lottery, type LotteryOptions, lotteryKeys, readLottery } from "./lottery.ts";
import { type MeasureInput, toMeasureSchedule } from "./measure-schedule.ts";
import type { ProgressEvent } from "./progress-event.ts";
import { fromPoint, type ProgressPoint } from "./progress-point.ts";
import { Run } from "./run.ts";
import { planKeys, type RunPlan, toRunPlan } from "./run-plan.ts";
import { fromSession, type SessionInfo } from "./session-info.ts";
import { fromSnapshot, listSnapshots, type Snapshot, type SnapshotsOptions } from "./snapshot.ts";
import { type SnapshotSchedule, toSchedule } from "./snapshot-schedule.ts";
import type { NeuronRange, Spectrum } from "./spectrum.ts";
import { readSpectrum } from "./spectrum-pages.ts";
import { type TriggerInput, toTriggers } from "./trigger.ts";
import { fromUint64, toOptionalUint64, toUint64 } from "./uint64.ts";
import { type Logits, type LogitsOptions, logitsKeys, readLogits } from "./voting.ts";
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
  readonly neurons?: NeuronRange | readonly number[] | undefined;
}

/** What `signal` stops is the starting and the watching; the run itself goes on until it is paused. */
export interface RunOptions extends RunPlan, CallOptions, ExpectedStep {}

const stepKeys: Known<CallOptions & ExpectedStep> = { ...callKeys, expectedStep: true };
const atKeys: Known<CallOptions & At> = { ...callKeys, at: true };
const runKeys: Known<RunOptions> = { ...planKeys, ...stepKeys };

/** What of a session can be changed at any time; what is left out stays as it is. */
export interface SessionUpdate {
  /** Labels to set, with their values. */
  readonly setLabels?: Readonly<Record<string, string>> | undefined;
  /** Labels to remove, by key. */
  readonly removeLabels?: readonly string[] | undefined;
  /** In place of the one there is; `{}` keeps no snapshots. */
  readonly snapshotSchedule?: SnapshotSchedule | undefined;
  /**
   * What the points from now on carry, as in `StartOptions`, all of it; `[]` for no extra ones, and `ipr` and
   * `meanAbsSinMisalignment` of every point.
   */
  readonly measures?: readonly MeasureInput[] | undefined;
}

const updateKeys: Known<SessionUpdate> = {
  setLabels: true,
  removeLabels: true,
  snapshotSchedule: true,
  measures: true,
};

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
    refuseUnknown(options, callKeys);
    return this.#refresh(options);
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
    refuseUnknown(options, stepKeys);
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
      watch: (from, epoch) => this.watch({ from, epoch, untilIdle: true, signal }),
      refresh: () => this.refresh({ signal }),
      released: this.#release.signal,
    });
  }

  /** Stops the run under way at the next step; nothing when there is none. Resolves when it has stopped. */
  async pause(options: CallOptions = {}): Promise<SessionInfo> {
    refuseUnknown(options, callKeys);
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
    refuseUnknown(options, { ...stepKeys, at: true, evaluateOnly: true });
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

  /**
   * Puts the session on another engine of the server, from its present state; a run under way goes on there.
   *
   * @param engine - its name, as `Grokbox.info` lists them, or `auto` for the one that is fastest
   * @throws ENGINE_ABSENT when it does not work on the server, OUT_OF_MEMORY, DEVICE_LOST, STEP_MISMATCH
   * @example
   * await session.move("cpu");
   */
  async move(engine: string, options: CallOptions & ExpectedStep = {}): Promise<SessionInfo> {
    refuseUnknown(options, stepKeys);
    const request = {
      session: this.name,
      engine,
      expectedStep: toOptionalUint64(options.expectedStep, "expected_step"),
    };
    const { session } = await this.#connection.mutate(TrainingService.method.moveSession, request, options);
    return this.#learn(fromSession(session));
  }

  /** Losses and accuracies, in float64; with `grids` also pair by pair. */
  async evaluate(
    options: CallOptions & At & { readonly grids?: boolean | undefined } = {},
  ): Promise<Evaluation> {
    refuseUnknown(options, { ...atKeys, grids: true });
    const request = { name: this.#at(options.at), grids: options.grids ?? false };
    return fromEvaluation(await this.#connection.read(AnalysisService.method.evaluate, request, options));
  }

  /** Fourier spectra of both layers, in as many answers as they need. */
  async spectrum(options: SpectrumOptions = {}): Promise<Spectrum> {
    refuseUnknown(options, { ...atKeys, neurons: true });
    return readSpectrum(this.#connection, this.#at(options.at), this.info.spec, options);
  }

  /** Logits of pairs, and how neurons vote for them, in as many answers as they need. */
  async logits(options: LogitsOptions & At = {}): Promise<Logits> {
    refuseUnknown(options, { ...logitsKeys, at: true });
    return readLogits(this.#connection, this.#at(options.at), this.info.spec.modulus, options);
  }

  /**
   * How a copy does after changes, made one after the other; the session stays as it is.
   *
   * @example
   * const { accuracy } = await session.ablate([{ removeFrequencies: [3, 5] }]);
   */
  async ablate(ablations: readonly Ablation[], options: AblateOptions & At = {}): Promise<AblationResult> {
    refuseUnknown(options, { ...ablateKeys, at: true });
    return ablate(this.#connection, this.#at(options.at), ablations, options);
  }

  /** Which frequency each neuron was to end with, forecast from where it began, and which it has. */
  async lottery(options: LotteryOptions & At = {}): Promise<Lottery> {
    refuseUnknown(options, { ...lotteryKeys, at: true });
    return readLottery(this.#connection, this.#at(options.at), options);
  }

  /**
   * The decoupled gradient flow from where a neuron is, beside where it really went.
   *
   * @param neuron - 0 to M - 1
   */
  async simulateFlow(
    neuron: number,
    method: FlowMethod,
    options: NeuronFlowOptions & At = {},
  ): Promise<Flow> {
    refuseUnknown(options, { ...neuronFlowKeys, at: true });
    const start = { ...options, name: this.#at(options.at), neuron };
    return simulateFlow(this.#connection, start, method, options);
  }

  /**
   * A new session that begins with the state of this one, or of its snapshot, and differs in what is said. This one is not touched; of
   * its present state a snapshot is kept.
   *
   * @throws SNAPSHOT_NOT_FOUND, STEP_MISMATCH, and INVALID_FIELD with every change that can't be made
   * @example
   * await using branch = await session.fork({ at: 2_200, weightDecay: 0 });
   */
  async fork(options: ForkOptions = {}): Promise<Session> {
    const source = this.#at(options.at);
    return new Session(this.#connection, await forkSession(this.#connection, this.info, source, options));
  }

  /**
   * Puts the session back to the state of its snapshot at this step. Progress points after it are forgotten, and the log gets another
   * epoch; snapshots stay, and the state before is kept as one.
   *
   * @throws SESSION_STATE during a run, SNAPSHOT_NOT_FOUND, SNAPSHOT_CORRUPT, STEP_MISMATCH
   */
  async restore(step: number, options: CallOptions & ExpectedStep = {}): Promise<SessionInfo> {
    refuseUnknown(options, stepKeys);
    const request = {
      name: this.#at(step),
      expectedStep: toOptionalUint64(options.expectedStep, "expected_step"),
    };
    const part = { signal: options.signal, deadline: this.#connection.deadline(options) };
    await this.#connection.mutate(SnapshotService.method.restoreSnapshot, request, part);
    return this.#refresh(part);
  }

  /**
   * Changes labels, the schedule of snapshots and that of measures; also during a run.
   *
   * @example
   * await session.update({ measures: ["votingRSquared", { measure: "magnitudeDrift", every: 1_000 }] });
   */
  async update(changes: SessionUpdate, options: CallOptions = {}): Promise<SessionInfo> {
    refuseUnknown(changes, updateKeys);
    refuseUnknown(options, callKeys);
    const { setLabels = {}, removeLabels = [], snapshotSchedule, measures } = changes;
    const request = {
      name: this.name,
      setLabels: { ...setLabels },
      removeLabels: [...removeLabels],
      snapshotSchedule: toSchedule(snapshotSchedule),
      measureSchedule: toMeasureSchedule(measures),
    };
    const method = SessionService.method.updateSession;
    return this.#learn(fromSession((await this.#connection.mutate(method, request, options)).session));
  }

  /**
   * Replaces the session's triggers: what it does by itself when a measure crosses a value. Those that stay as they are keep what they
   * have counted.
   *
   * @param triggers - all of them, at most 16
   * @example
   * const when = { measure: "testAccuracy", atLeast: 0.99, forRecorded: 10 } as const;
   * await session.setTriggers([{ name: "grokked", when, action: { kind: "snapshot", label: "grokked" } }]);
   */
  async setTriggers(triggers: readonly TriggerInput[], options: CallOptions = {}): Promise<SessionInfo> {
    refuseUnknown(options, callKeys);
    const { kind } = this.info.spec.optimizer;
    const request = { session: this.name, triggers: toTriggers(triggers, kind) };
    const method = TrainingService.method.setTriggers;
    return this.#learn(fromSession((await this.#connection.mutate(method, request, options)).session));
  }

  /** The points recorded so far and retained, oldest first, in as many answers as they need. See `watch` for those to come. */
  history(options: HistoryOptions = {}): AsyncGenerator<ProgressPoint, void, undefined> {
    return readHistory(this.#connection, this.name, options);
  }

  /**
   * Keeps the state at the present step on the server; resolves once it is on its disk. The same step again is the snapshot that there
   * is.
   *
   * @param options - `label`: at most 255 characters; replaces the one that the step's snapshot has
   */
  async snapshot(
    options: CallOptions & ExpectedStep & { readonly label?: string | undefined } = {},
  ): Promise<Snapshot> {
    refuseUnknown(options, { ...stepKeys, label: true });
    const request = {
      session: this.name,
      expectedStep: toOptionalUint64(options.expectedStep, "expected_step"),
      label: options.label ?? "",
    };
    const { snapshot } = await this.#connection.mutate(SnapshotService.method.snapshot, request, options);
    return fromSnapshot(snapshot);
  }

  /** Its snapshots, latest step first, in as many answers as they need. */
  snapshots(options: SnapshotsOptions = {}): AsyncGenerator<Snapshot, void, undefined> {
    return listSnapshots(this.#connection, this.name, options);
  }

  /**
   * Deletes the snapshot at this step; sessions forked from it stay.
   *
   * @throws SNAPSHOT_IN_USE while extra measures are taken against it
   */
  async deleteSnapshot(step: number, options: CallOptions = {}): Promise<void> {
    refuseUnknown(options, callKeys);
    const request = { name: this.#at(step) };
    await this.#connection.mutate(SnapshotService.method.deleteSnapshot, request, options);
  }

  /**
   * A snapshot's weights, with their SHA-256 checked.
   *
   * @param options - without `at` a snapshot is taken first, which the server keeps; the deadline is 10 minutes by default
   */
  async download(options: CallOptions & At = {}): Promise<DownloadedSnapshot> {
    refuseUnknown(options, atKeys);
    const { signal, at } = options;
    const deadline = this.#connection.deadline(options, longDeadlineMs);
    return downloadSnapshot(this.#connection, await this.#kept(at, { signal, deadline }), {
      signal,
      deadline,
    });
  }

  /**
   * A snapshot as a file, in chunks and with its SHA-256 checked: weights, moments, the mask of training pairs, and the spec, as
   * PyTorch (`safetensors`) and NumPy (`npz`) read them.
   *
   * @param step - of the snapshot; without it one is taken first, which the server keeps
   * @param options - `format`: safetensors by default; the deadline, for all of the file, is 10 minutes by default
   * @example
   * await writeFile("run.safetensors", await session.export(2_200));
   */
  async export(
    step?: number,
    options: CallOptions & { readonly format?: FileFormat | undefined } = {},
  ): Promise<ExportedFile> {
    refuseUnknown(options, { ...callKeys, format: true });
    const { signal, format = "safetensors" } = options;
    const deadline = this.#connection.deadline(options, longDeadlineMs);
    const name = await this.#kept(step, { signal, deadline });
    return ExportedFile.open(this.#connection, name, { format, deadline, signal });
  }

  /** Stops and forgets the session, its snapshots and its history. */
  async delete(options: CallOptions = {}): Promise<void> {
    refuseUnknown(options, callKeys);
    await this.#connection.mutate(SessionService.method.deleteSession, { name: this.name }, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#release.abort(new GrokboxError(`the handle of ${this.name} was let go`, { code: "CANCELLED" }));
  }

  async #startRun(
    options: RunOptions,
  ): Promise<{ info: SessionInfo; newestSequence: number; epoch: string }> {
    refuseUnknown(options, runKeys);
    const request = {
      session: this.name,
      plan: toRunPlan(options),
      expectedStep: toOptionalUint64(options.expectedStep, "expected_step"),
    };
    const { session, newestSequence, epoch } = await this.#connection.mutate(
      TrainingService.method.run,
      request,
      options,
    );
    return { info: this.#learn(fromSession(session)), newestSequence: fromUint64(newestSequence), epoch };
  }

  async #refresh(options: PartOptions): Promise<SessionInfo> {
    const request = { name: this.name };
    const { session } = await this.#connection.read(SessionService.method.getSession, request, options);
    return this.#learn(fromSession(session));
  }

  /** The name of the snapshot at a step, or of one that is taken now. */
  async #kept(step: number | undefined, part: PartOptions): Promise<string> {
    if (step !== undefined) return this.#at(step);
    const request = { session: this.name };
    const { snapshot } = await this.#connection.mutate(SnapshotService.method.snapshot, request, part);
    return fromSnapshot(snapshot).name;
  }

  #at(step: number | undefined): string {
    return step === undefined ? this.name : `${this.name}/snapshots/${toUint64(step, "at")}`;
  }

  #learn(info: SessionInfo): SessionInfo {
    this.#info = info;
    return info;
  }
}
