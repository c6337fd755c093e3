import { GrokboxError } from "./errors.ts";
import type { Demands, RunPlan } from "./plan.ts";
import type { ProgressPoint } from "./progress-log.ts";
import { isScheduled, nextScheduled, type SnapshotSchedule } from "./schedule.ts";
import type { SnapshotKind } from "./snapshot.ts";
import type { SnapshotKeeping } from "./snapshot-keeping.ts";
import type { Snapshots } from "./snapshots.ts";
import type { StopReason } from "./stop-reason.ts";
import type { Trigger, TriggerAction, Triggers } from "./triggers.ts";

export type ForkAction = Extract<TriggerAction, { kind: "fork" }>;

export interface WaypointParts {
  readonly keeping: SnapshotKeeping;
  readonly snapshots: Snapshots;
  readonly triggers: Triggers;
  readonly schedule: () => SnapshotSchedule | undefined;
  readonly step: () => number;
  /** Makes a fork from the snapshot of this step; its name. */
  readonly fork: (step: number, action: ForkAction) => Promise<string>;
  /** A trigger has fired. */
  readonly fired: (trigger: string, detail: string) => void;
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
    let reason: Omit<StopReason, "step"> | undefined;
    for (const { trigger, detail } of this.#parts.triggers.observe(point)) {
      const because = `trigger ${trigger.name}: ${detail}`;
      if (trigger.action.kind === "pause") reason = { kind: "paused", detail: because };
      await this.#pull(trigger, because);
    }
    return reason;
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

  /** Does a trigger's action; what goes wrong is noted, and training goes on. */
  async #pull({ name, action }: Trigger, because: string): Promise<void> {
    const { keeping, triggers, fork, fired, step, onDefect } = this.#parts;
    let did = because;
    try {
      if (action.kind === "snapshot") await keeping.keep("triggered", { label: action.label });
      if (action.kind === "fork") {
        await keeping.keep("triggered");
        did = `${because}; forked ${await fork(step(), action)}`;
      }
    } catch (error) {
      did = `${because}; failed: ${triggers.failed(name, error)}`;
      if (!(error instanceof GrokboxError)) onDefect(error);
    }
    fired(name, did);
  }
}
