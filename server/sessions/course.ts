import { randomUUID } from "node:crypto";
import type { Engine } from "../engine/engine.ts";
import type { Activation } from "../model/spec.ts";
import type { Commit } from "../store/store.ts";
import type { Drive } from "./drive.ts";
import { GrokboxError } from "./errors.ts";
import type { Head } from "./head.ts";
import type { Capture, Keeper } from "./keeper.ts";
import type { Receipt } from "./receipt.ts";
import type { Residence } from "./residence.ts";
import type { SessionEvent } from "./session-event.ts";
import { digest, type SnapshotInfo } from "./snapshot.ts";
import type { SnapshotKeeping } from "./snapshot-keeping.ts";
import type { Snapshots } from "./snapshots.ts";
import type { Standing } from "./standing.ts";
import type { Training } from "./training.ts";
import type { Triggers } from "./triggers.ts";
import type { Waypoints } from "./waypoints.ts";

export interface CourseParts {
  readonly training: Training;
  readonly standing: Standing;
  readonly drive: Drive;
  readonly keeper: Keeper;
  readonly keeping: SnapshotKeeping;
  readonly snapshots: Snapshots;
  readonly triggers: Triggers;
  readonly waypoints: Waypoints;
  readonly residence: Residence;
  /**
   * Sets memory aside for a trainer that is resident to go to another engine. Fails with OUT_OF_MEMORY, changing nothing.
   *
   * @returns is to be told whether it did
   */
  readonly moveMemory: (engine: Engine) => Promise<(hasMoved: boolean) => void>;
  readonly capture: () => Promise<Capture>;
  readonly audit: (event: SessionEvent) => NonNullable<Commit["putEvents"]>[number];
  readonly tolerate: (error: unknown) => void;
}

/** The epoch of a session that the store has. */
export interface Continuation {
  readonly epoch: string;
  /** A run goes on that a crash cut short: the points that were recorded of it and not stored will be made again. */
  readonly retraces: boolean;
}

/** What of a course is stored with a state. */
type StoredCourse = Pick<Head, "course" | "cuts"> & { readonly engineReason: string };

/** Who asks to leave a course: where they think the session is, and what their call must remember when it is repeated. */
interface Caller {
  readonly expectedStep: number | undefined;
  readonly receipt: Receipt;
}

/**
 * Equal steps of one course are equal states. A session leaves its course for another activation, another engine, or a state that it was
 * in before.
 */
export class Course {
  readonly #parts: CourseParts;
  #number: number;
  #epoch: string;
  #retraces: boolean;
  #engineReason: string;
  #cuts: Head["cuts"];

  constructor(
    parts: CourseParts,
    { course, cuts, engineReason }: StoredCourse,
    { epoch, retraces }: Continuation = { epoch: randomUUID(), retraces: false },
  ) {
    this.#parts = parts;
    this.#number = course;
    this.#cuts = cuts;
    this.#engineReason = engineReason;
    this.#epoch = epoch;
    this.#retraces = retraces;
  }

  /** Greater, when it is left, than that of every other state that can be had; after a return to a snapshot, the snapshot's own. */
  get number(): number {
    return this.#number;
  }

  /** Changes when the progress log is not a continuation of an earlier one of the same name. */
  get epoch(): string {
    return this.#epoch;
  }

  /** Nobody will make the points again that somebody may have seen. */
  renewEpoch(): void {
    this.#epoch = randomUUID();
    this.#retraces = false;
  }

  /** It makes points again that somebody may have seen. */
  get retraces(): boolean {
    return this.#retraces;
  }

  /** Something happens to the session, from outside, that did not happen when a run was made that it makes again. */
  stray(): void {
    if (!this.#retraces) return;
    this.renewEpoch();
    this.#parts.training.log.wake();
  }

  /** A run has ended as it was bound to: if it was made again, then to its end. */
  arrive(): void {
    this.#retraces = false;
  }

  /** Where the log's present points begin to be others than the ones recorded up to then. */
  get cuts(): Head["cuts"] {
    return this.#cuts;
  }

  /** Why its engine is the one that it is. */
  get engineReason(): string {
    return this.#engineReason;
  }

  /** Goes on training under another activation. */
  swap(activation: Activation, { expectedStep, receipt }: Caller, signal: AbortSignal): Promise<void> {
    const { training, standing, drive } = this.#parts;
    return drive.between(signal, async () => {
      // Done already, and only its answer was not.
      if (receipt.memo.target !== undefined) return;
      standing.expect(expectedStep);
      standing.check("swap");
      const from = training.spec.activation;
      if (activation === from && standing.state !== "diverged") return;
      await training.swap(activation);
      receipt.isBoundToState = true;
      this.#number = this.#next();
      this.stray();
      standing.transition("swap");
      receipt.memo.target = training.step;
      await this.#commitLeaving(standing.note({ kind: "activationSwapped", from, to: activation }));
    });
  }

  /**
   * Goes on under another engine, from the present state; a run under way goes on there. Fails, changing nothing, with OUT_OF_MEMORY,
   * and with DEVICE_LOST when either engine has none and the state is not stored.
   *
   * @param reason - why it is to be that engine, for people
   */
  move(
    engine: Engine,
    reason: string,
    { expectedStep, receipt }: Caller,
    signal: AbortSignal,
  ): Promise<void> {
    const { training, standing, drive, residence } = this.#parts;
    return drive.asItIs(signal, async () => {
      if (receipt.memo.target !== undefined) return;
      if (standing.isDeleted) throw standing.gone();
      standing.expect(expectedStep);
      const from = training.engine;
      if (engine === from) return;
      if (training.isAwake) await this.#moveAwake(engine);
      else await residence.wakeOn(engine);
      this.#engineReason = reason;
      // Updates from now on may be others, in the last bits.
      this.#number = this.#next();
      this.stray();
      receipt.isBoundToState = true;
      receipt.memo.target = training.step;
      const event = standing.note({ kind: "engineMoved", from: from.name, to: engine.name });
      training.log.wake();
      await this.#commitLeaving(event);
    });
  }

  async #moveAwake(engine: Engine): Promise<void> {
    const { training, moveMemory } = this.#parts;
    // What the last slice brought belongs to the engine that made it.
    await training.collect();
    const settle = await moveMemory(engine);
    let hasMoved = false;
    try {
      await training.move(engine);
      hasMoved = true;
    } finally {
      settle(hasMoved);
    }
  }

  /** Goes back to a snapshot. */
  async restore(step: number, { expectedStep, receipt }: Caller, signal: AbortSignal): Promise<void> {
    const { training, standing, drive, keeper, keeping, triggers, waypoints } = this.#parts;
    const { capture, audit, tolerate } = this.#parts;
    const isDone = () => receipt.memo.target !== undefined;
    // Who trains is not waited for.
    if (!isDone()) standing.check("restore");
    // A Step or run that comes meanwhile begins where this leads, and not on the way.
    const work = async () => {
      if (isDone()) return;
      standing.expect(expectedStep);
      standing.check("restore");
      const snapshot = await keeping.read(step);
      const { head } = snapshot.info;
      const from = training.step;
      if (from !== step) await keeping.keep("replaced");
      else if (head.course !== this.#number) await this.#checkSame(snapshot.info);
      await training.restore(head, snapshot);
      // What was asked to be written before must not take the truncation along.
      await keeper.idle();
      const newest = this.#cut(head, snapshot.info.createTimeMs);
      this.#number = head.course;
      this.renewEpoch();
      standing.forgetStop();
      triggers.rewind(head.triggers);
      waypoints.restart(training.stages.stage());
      standing.transition("restore");
      receipt.isBoundToState = true;
      receipt.memo.target = step;
      const event = standing.note({ kind: "snapshotRestored", fromStep: from, toStep: step });
      keeper.truncate(newest);
      await training.record();
      // The state before is durable, and this one will be: a disk that is full by now is no reason to fail.
      await keeper.commit(await capture(), { putEvents: [audit(event)] }).catch(tolerate);
    };
    if (!isDone()) await drive.inTurn(signal, () => drive.between(signal, work));
  }

  /** Of a state at the step of a snapshot of another course only one can be kept: fails with SNAPSHOT_EXISTS unless they are the same. */
  async #checkSame({ session, step, sha256 }: SnapshotInfo): Promise<void> {
    const present = await digest(await this.#parts.training.readState());
    if (Buffer.compare(present, sha256) === 0) return;
    const snapshot = `${session}/snapshots/${step}`;
    throw new GrokboxError(
      "SNAPSHOT_EXISTS",
      `${session} is at step ${step} too, on another course, and can't be kept beside ${snapshot}: train a step further first, or fork`,
      { snapshot },
    );
  }

  /**
   * Takes the points off the log that it did not have at an earlier time.
   *
   * @param then - what was stored at that time
   * @returns its newest sequence now: points that it had then may have been taken off since
   */
  #cut(then: Pick<Head, "newest" | "cuts">, timeMs: number): number {
    const { log } = this.#parts.training;
    // The last one is always among them.
    const last = then.cuts.at(-1)?.number ?? 0;
    const later = this.#cuts.filter(({ number, timeMs: cutMs = 0 }) =>
      number === undefined ? last === 0 && cutMs >= timeMs : number > last,
    );
    const newest = Math.min(then.newest, log.newest, ...later.map((cut) => cut.newest));
    log.truncate(newest);
    const number = 1 + (this.#cuts.at(-1)?.number ?? 0);
    this.#cuts = [...this.#cuts.filter((cut) => cut.newest < newest), { number, newest }];
    return newest;
  }

  #next(): number {
    const kept = this.#parts.snapshots.list().map(({ head }) => head.course);
    return 1 + Math.max(this.#number, ...kept);
  }

  /** Before it trains on: a crash would bring the former course back, and others have seen points of the new one. */
  async #commitLeaving(event: SessionEvent): Promise<void> {
    const { training, keeper, capture, audit, tolerate } = this.#parts;
    try {
      await keeper.commit(await capture(), { putEvents: [audit(event)] });
    } catch (error) {
      tolerate(error);
      this.renewEpoch();
      training.log.wake();
    }
  }
}
