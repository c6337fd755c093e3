import type { Drive } from "./drive.ts";
import { invalid } from "./errors.ts";
import type { Capture, Keeper } from "./keeper.ts";
import type { MeasureSchedule } from "./measure-schedule.ts";
import type { SnapshotSchedule } from "./schedule.ts";
import type { Intent } from "./session-record.ts";
import type { Training } from "./training.ts";
import type { Trigger, Triggers } from "./triggers.ts";
import type { Waypoints } from "./waypoints.ts";

/** That a session has. */
export const mostLabels = 64;

/** What of a session can be changed at any time; what is left out stays. */
export interface SessionChange {
  readonly setLabels?: Readonly<Record<string, string>>;
  /** By key. */
  readonly removeLabels?: readonly string[];
  /** null: keeps none by itself. */
  readonly schedule?: SnapshotSchedule | null;
  readonly measures?: MeasureSchedule;
}

export interface SettingsParts {
  readonly training: Training;
  readonly drive: Drive;
  readonly keeper: Keeper;
  readonly triggers: Triggers;
  readonly waypoints: Waypoints;
  /** Sets aside as much memory as the measures need. Fails with OUT_OF_MEMORY, changing nothing. */
  readonly resizeMemory: () => Promise<void>;
  readonly capture: () => Promise<Capture>;
  /** What is recorded from now on may be other than what a run recorded before, which goes on after a crash. */
  readonly stray: () => void;
}

/** What people have set of a session: labels, which snapshots it keeps by itself, which points carry which measures, and triggers. */
export class Settings {
  readonly #parts: SettingsParts;
  #labels: Intent["labels"];
  #schedule: SnapshotSchedule | undefined;

  constructor(parts: SettingsParts, { labels, schedule }: Pick<Intent, "labels" | "schedule">) {
    this.#parts = parts;
    this.#labels = labels;
    this.#schedule = schedule;
  }

  get labels(): Intent["labels"] {
    return this.#labels;
  }

  get schedule(): SnapshotSchedule | undefined {
    return this.#schedule;
  }

  /** Changes labels, the schedule of snapshots, and which points from now on carry which measures. */
  async update(change: SessionChange, signal: AbortSignal, answering: () => void): Promise<void> {
    const { training, drive, keeper, resizeMemory, capture } = this.#parts;
    const { measures } = change;
    if (measures === undefined) return this.#update(change, answering, () => keeper.commit(undefined));
    await drive.between(signal, async () => {
      const before = training.schedule;
      // What was recorded before is measured as it was asked for then.
      await training.collect();
      training.measure(measures);
      try {
        await resizeMemory();
        // With the state, so that after a crash the same points come again.
        await this.#update(change, answering, async () => keeper.commit(await capture()));
      } catch (error) {
        training.measure(before);
        await resizeMemory();
        throw error;
      }
    });
  }

  async #update(change: SessionChange, answering: () => void, commit: () => Promise<void>): Promise<void> {
    const { training, waypoints, stray } = this.#parts;
    const before = { labels: this.#labels, schedule: this.#schedule };
    const { setLabels = {}, removeLabels = [] } = change;
    const labels = Object.entries({ ...this.#labels, ...setLabels }).filter(
      ([key]) => !removeLabels.includes(key),
    );
    // Others may have set theirs since the call was looked at.
    if (labels.length > mostLabels) {
      const description = `must be at most ${mostLabels} labels; got ${labels.length}`;
      throw invalid([{ field: "set_labels", description }]);
    }
    const after = {
      labels: Object.fromEntries(labels),
      schedule: change.schedule === undefined ? this.#schedule : (change.schedule ?? undefined),
    };
    this.#labels = after.labels;
    this.#schedule = after.schedule;
    if (change.schedule !== undefined || change.measures !== undefined) stray();
    const asks = ({ schedule }: Pick<Intent, "schedule">) => schedule?.atStageChanges === true;
    if (asks(after) && !asks(before)) waypoints.restart(training.stages.stage());
    answering();
    try {
      await commit();
    } catch (error) {
      // What somebody else has set meanwhile stays.
      if (this.#labels === after.labels) this.#labels = before.labels;
      if (this.#schedule === after.schedule) this.#schedule = before.schedule;
      throw error;
    }
    training.log.wake();
  }

  setTriggers(wanted: readonly Trigger[], signal: AbortSignal, answering: () => void): Promise<void> {
    const { drive, keeper, triggers, stray } = this.#parts;
    return drive.between(signal, async () => {
      const before = triggers.all;
      const { memory } = triggers;
      triggers.replace(wanted);
      stray();
      answering();
      try {
        await keeper.commit(undefined);
      } catch (error) {
        triggers.reset(before, memory);
        throw error;
      }
    });
  }
}
