import { GrokboxError } from "./errors.ts";
import type { Demands, RunPlan } from "./plan.ts";
import type { ProgressPoint } from "./progress-log.ts";
import { isScheduled, nextScheduled, type SnapshotSchedule } from "./schedule.ts";
import type { SnapshotKind } from "./snapshot.ts";
import type { SnapshotKeeping } from "./snapshot-keeping.ts";
import type { Snapshots } from "./snapshots.ts";
import type { StopReason } from "./stop-reason.ts";
import type { TriggerAction, Triggers } from "./triggers.ts";

export type ForkAction = Extract<TriggerAction, { kind: "fork" }>;

/** A trigger that does its action, and what that is to be told as. */
export interface Pulled {
  readonly trigger: string;
  readonly detail: string;
}

export interface WaypointParts {
  readonly keeping: SnapshotKeeping;
  readonly snapshots: Snapshots;
  readonly triggers: Triggers;
  readonly schedule: () => SnapshotSchedule | undefined;
  readonly step: () => number;
  /** Makes a fork from the snapshot of this step, with which it is stored that this trigger has fired and its action is done. */
  readonly fork: (step: number, action: ForkAction, pulled: Pulled) => Promise<void>;
  /** A trigger has fired, which goes with the next commit; what it gives takes that back. */
  readonly fired: (pulled: Pulled) => () => void;
  /** Which was told of already, at this step. */
  readonly isTold: (pulled: Pulled) => boolean;
  readonly onDefect: (error: unknown) => void;
}

/** What a session does on its way, at whole steps, with the trainer to itself: planned and scheduled snapshots, and triggers. */
export class Waypoints implements Demands {
  readonly #parts: WaypointParts;
  /** The stage that was last looked at. */
  #stage: string | undefined;

  constructor(parts: WaypointParts, stage: string | undefined) {
    this.#parts = parts;
    this.#stage = stage;
  }

  nextSnapshot(step: number): number {
    return nextScheduled(this.#parts.schedule(), step);
  }

  get looksAtRecords(): boolean {
    return this.#parts.triggers.armed || this.#parts.schedule()?.atStageChanges === true;
  }

  /** The session is elsewhere, or somebody begins to care for its stages. */
  restart(stage: string | undefined): void {
    this.#stage = stage;
  }

  /**
   * At the end of a stretch.
   *
   * @param point - of this step, when it was recorded and must be looked at
   * @returns why the job is to end, if it is
   */
  async reached(
    plan: RunPlan,
    point: ProgressPoint | undefined,
  ): Promise<Omit<StopReason, "step"> | undefined> {
    const step = this.#parts.step();
    const schedule = this.#parts.schedule();
    if (plan.snapshotAt.includes(step)) await this.#keepPlanned();
    else if (isScheduled(schedule, step)) {
      // Steps that were named are not a series of which only the newest are wanted.
      await this.#keepScheduled(schedule?.atSteps.includes(step) ? "requested" : "scheduled");
    }
    if (point === undefined) return undefined;
    if (point.stage !== this.#stage && schedule?.atStageChanges) await this.#keepScheduled("stage");
    this.#stage = point.stage;
    this.#parts.triggers.observe(point);
    return this.finish();
  }

  /** A crash has kept triggers from doing what they had to do at this step, of which the store had that they fired. */
  get isBehind(): boolean {
    return this.#parts.triggers.due.length > 0;
  }

  /**
   * Does the actions of the triggers that have fired at this step.
   *
   * @returns why the job is to end, if it is
   */
  async finish(): Promise<Omit<StopReason, "step"> | undefined> {
    let reason: Omit<StopReason, "step"> | undefined;
    for (const { trigger, detail } of this.#parts.triggers.due) {
      const { name, action } = trigger;
      const because = `trigger ${name}: ${detail}`;
      if (action.kind === "pause") reason = { kind: "paused", detail: because };
      else await this.#pull(name, action, because);
    }
    return reason;
  }

  /** The job that triggers were to end has ended, or is no more to be. */
  rested(): void {
    const { triggers, fired, isTold } = this.#parts;
    for (const { trigger, detail } of triggers.due) {
      const { name, action } = trigger;
      if (action.kind !== "pause") continue;
      triggers.done(name);
      const pulled = { trigger: name, detail: `trigger ${name}: ${detail}` };
      // Events are stored without the state, too, which may have had it due when a crash came.
      if (!isTold(pulled)) fired(pulled);
    }
  }

  /** A snapshot that the plan asks for. A full disk doesn't stop training: the same steps made again give the same state. */
  async #keepPlanned(): Promise<void> {
    try {
      await this.#parts.keeping.keep("requested");
    } catch (error) {
      if (!(error instanceof GrokboxError) || error.reason !== "STORAGE_FULL") throw error;
    }
  }

  /** A snapshot that nobody waits for: when there is no room for it, training goes on without. */
  async #keepScheduled(kind: SnapshotKind): Promise<void> {
    const { keeping, snapshots, schedule } = this.#parts;
    // With the new one there are as many as are to stay.
    const expired = kind === "scheduled" ? snapshots.expired((schedule()?.retain ?? 1) - 1) : [];
    try {
      await keeping.keep(kind, { expired });
    } catch (error) {
      if (!(error instanceof GrokboxError)) throw error;
    }
  }

  /**
   * Does a trigger's action, which is due until what is stored tells that it is done. What goes wrong is noted, and training goes on; but
   * what the end of the server keeps from being done the next server does.
   */
  async #pull(
    name: string,
    action: Exclude<TriggerAction, { kind: "pause" }>,
    because: string,
  ): Promise<void> {
    const { keeping, triggers, fork, fired, onDefect } = this.#parts;
    const pulled = { trigger: name, detail: because };
    let takeBack = () => {};
    try {
      if (action.kind === "fork") {
        const kept = await keeping.keepForFork("triggered");
        // Where nothing comes of it, the state that it was to begin with stays.
        await fork(kept.step, action, pulled).finally(() => kept.release());
        triggers.done(name);
        return;
      }
      takeBack = fired(pulled);
      triggers.done(name);
      await keeping.keep("triggered", { label: action.label });
    } catch (error) {
      takeBack();
      if (error instanceof GrokboxError && error.reason === "SHUTTING_DOWN") return;
      triggers.done(name);
      fired({ ...pulled, detail: `${because}; failed: ${triggers.failed(name, error)}` });
      if (!(error instanceof GrokboxError)) onDefect(error);
    }
  }
}
