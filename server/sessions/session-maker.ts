import { randomUUID } from "node:crypto";
import type { Engine, TrainerState } from "../engine/engine.ts";
import type { Spec } from "../model/spec.ts";
import type { Loaded, SessionRow, SnapshotRow } from "../store/store.ts";
import { Analyst } from "./analyst.ts";
import type { Engines } from "./engines.ts";
import { GrokboxError } from "./errors.ts";
import type { Head } from "./head.ts";
import type { Limits } from "./limits.ts";
import { type MeasureSchedule, needsBase } from "./measure-schedule.ts";
import { type Base, Measurer } from "./measurer.ts";
import type { RunPlan } from "./plan.ts";
import { ProgressLog } from "./progress-log.ts";
import { type Beginning, Session, type SessionParts } from "./session.ts";
import type { SessionIdentity, SessionRecord } from "./session-record.ts";
import type { ArrayName, Snapshot, SnapshotInfo, SnapshotMeta } from "./snapshot.ts";
import { StepTimes } from "./step-times.ts";
import { Training, type TrainingParts } from "./training.ts";

/** What a normal draw costs, roughly, beside a multiply-add. */
const operationsADraw = 32;

/** A network to train, with weights from elsewhere or those that its spec draws. */
export interface Origination {
  readonly spec: Spec;
  readonly state?: TrainerState;
  /** [p, p] mask of the pairs that train, when they are not to be drawn either; only with `state`. */
  readonly train?: Uint8Array;
}

/** A session that the store had. */
export interface Restored {
  readonly session: Session;
  /** A run that the server's end interrupted and that is to go on now; sweeps see to theirs. */
  readonly interrupted: RunPlan | undefined;
  /** Its log is no continuation of the one that somebody may have followed. */
  readonly isRenewed: boolean;
}

export interface SessionMakerParts
  extends Pick<SessionParts, "store" | "memory" | "observer" | "onDefect" | "fork"> {
  readonly engines: Engines;
  /** For what users ask. */
  readonly analyst: Analyst;
  readonly limits: Pick<Limits, "maxQueuedCommands" | "maxSnapshotsPerSession" | "retainedProgressPoints">;
  readonly readSnapshot: (session: string, step: number) => Promise<Snapshot>;
}

/** Puts sessions together: new ones, and those that the store has. */
export class SessionMaker {
  readonly #parts: SessionMakerParts;
  readonly #stepTimes = new StepTimes();
  /** For measures while training: they must not wait for what users ask, nor end with it. */
  readonly #measuring = new Analyst();

  constructor(parts: SessionMakerParts) {
    this.#parts = parts;
  }

  /** A session that is awake, its first progress point recorded. Fails with DIVERGED when the loss of its weights is not finite. */
  async make(
    origination: Origination,
    engine: Engine,
    measures: MeasureSchedule,
    identity: SessionIdentity,
    beginning: Beginning,
  ): Promise<Session> {
    const training = await this.#open(origination, identity, engine, measures);
    return this.#session(identity, training, beginning);
  }

  /**
   * A session of the store, asleep.
   *
   * @param snapshots - its own
   * @param forks - how many sessions were forked from its snapshot at a step
   * @param resume - runs that were under way are to go on
   */
  restore(
    row: SessionRow,
    snapshots: readonly SnapshotRow[],
    forks: (step: number) => number,
    { lastEnd, resume }: Pick<Loaded, "lastEnd"> & { readonly resume: boolean },
  ): Restored {
    const { engines } = this.#parts;
    const { identity, head, intent } = row.body as SessionRecord;
    const engine = engines.of(head.engine?.name ?? identity.engine);
    const resumes = resume && !engines.isMissing(engine);
    const { plan, ...rest } = intent;
    // Somebody may have seen points that are not stored. They come again in a run that goes on, unless the store is a backup, whose
    // server may have gone on otherwise.
    const isBehind = lastEnd === "crash" || intent.retraces === true;
    const retraces = isBehind && resumes && plan !== undefined;
    const continues = lastEnd !== "copy" && (!isBehind || retraces);
    const parts = this.#trainingParts(engine, identity, head.spec, head);
    const training = Training.asleep(parts, head, intent.measures ?? []);
    const { stopReason: _, ...unstopped } = rest;
    const isOwned = intent.isOwned === true;
    const session = this.#session(identity, training, {
      head,
      continuation: { epoch: continues ? row.epoch : randomUUID(), retraces: continues && retraces },
      // A sweep goes by it: a run that is still to be done has not stopped, whatever had been reached of it.
      intent: {
        ...(plan !== undefined && isOwned ? unstopped : rest),
        // Even if it was about to be said that it had diverged, say.
        ...(plan === undefined ? {} : { state: resumes ? ("idle" as const) : ("paused" as const) }),
      },
      snapshots: snapshots.map((snapshot) => snapshotInfo(identity.name, snapshot, forks(snapshot.step))),
    });
    return { session, interrupted: resumes && !isOwned ? plan : undefined, isRenewed: !continues };
  }

  async close(): Promise<void> {
    await this.#measuring.close();
  }

  async #open(
    { spec, ...given }: Origination,
    identity: SessionIdentity,
    engine: Engine,
    measures: MeasureSchedule,
  ): Promise<Training> {
    const { analyst } = this.#parts;
    const operations = drawOperations(spec);
    let { state, train } = given;
    if (state === undefined) {
      const initial = await analyst.run("initialState", operations, spec);
      const { train: drawn, ...weights } = initial;
      state = { step: 0, ...weights };
      train = drawn;
    }
    train ??= await analyst.run("drawSplit", operations, spec);
    const parts = this.#trainingParts(engine, identity, spec);
    const training = await Training.open(parts, spec, train, state, measures);
    const { step, theta, xi } = state;
    if (measures.some(({ measure }) => needsBase(measure))) parts.measurer.begin({ step, theta, xi });
    try {
      await training.record();
    } catch (error) {
      training.sleep();
      throw error;
    }
    return training;
  }

  #session(identity: SessionIdentity, training: Training, beginning: Beginning): Session {
    const { engines, limits, store, memory, observer, onDefect, fork } = this.#parts;
    const parts: SessionParts = {
      training,
      scheduler: (engine) => engines.scheduler(engine),
      store,
      maxQueuedCommands: limits.maxQueuedCommands,
      maxSnapshots: limits.maxSnapshotsPerSession,
      ...{ memory, observer, onDefect, fork },
    };
    return new Session(identity, parts, beginning);
  }

  /** @param stored - of a session that the store has */
  #trainingParts(engine: Engine, identity: SessionIdentity, spec: Spec, stored?: Head): TrainingParts {
    const { engines, limits, observer } = this.#parts;
    const readBase = () => this.#readBase(identity, spec);
    return {
      engine,
      log: new ProgressLog(limits.retainedProgressPoints, stored),
      observer,
      measurer: new Measurer(engines.evaluator, this.#measuring, readBase),
      stepTimes: this.#stepTimes,
    };
  }

  /** The state at which a session began; undefined when it was kept as a snapshot that is lost. */
  async #readBase({ name, base }: SessionIdentity, spec: Spec): Promise<Base | undefined> {
    if (base === undefined) return undefined;
    if (base.isDrawn) {
      const { theta, xi } = await this.#measuring.run("initialState", drawOperations(spec), spec);
      return { step: 0, theta, xi };
    }
    try {
      const { step, theta, xi } = (await this.#parts.readSnapshot(name, base.step)).state;
      return { step, theta, xi };
    } catch (error) {
      if (error instanceof GrokboxError) return undefined;
      throw error;
    }
  }
}

const drawOperations = ({ modulus, width }: Spec) => modulus * width * operationsADraw;

function snapshotInfo(session: string, row: SnapshotRow, forks: number): SnapshotInfo {
  const { step, createTimeMs, sha256, pinned } = row;
  const kind = row.kind as SnapshotInfo["kind"];
  const names = row.tensors.map(({ name }) => name as ArrayName);
  return {
    ...(row.meta as SnapshotMeta),
    session,
    step,
    createTimeMs,
    kind,
    pinned,
    forks,
    arrays: names,
    sha256,
  };
}
