import type { Changes } from "./changes.ts";
import { GrokboxError } from "./errors.ts";
import type { TriggerMemory } from "./head.ts";
import type { ProgressPoint } from "./progress-log.ts";
import { conditionDetail, holdsAt, isPassedOver, type Threshold } from "./stop-conditions.ts";

export type TriggerAction =
  | { readonly kind: "snapshot"; readonly label: string }
  | { readonly kind: "pause" }
  | {
      readonly kind: "fork";
      readonly changes: Changes;
      readonly labels: Readonly<Record<string, string>>;
      readonly runUntilStep?: number;
    };

/** What to do when a measure crosses a value. */
export interface Trigger {
  readonly name: string;
  readonly when: Threshold;
  readonly action: TriggerAction;
  /** Fire each time anew, not only once. */
  readonly repeat: boolean;
}

const unfired: TriggerMemory = { fired: 0, held: 0 };

/** A session's triggers, and what they have counted. */
export class Triggers {
  #triggers: readonly Trigger[];
  #memory: Record<string, TriggerMemory>;

  constructor(triggers: readonly Trigger[] = [], memory: Readonly<Record<string, TriggerMemory>> = {}) {
    this.#triggers = triggers;
    this.#memory = { ...memory };
  }

  get all(): readonly Trigger[] {
    return this.#triggers;
  }

  /** As it is now: what a head keeps of it must not change with it. */
  get memory(): Readonly<Record<string, TriggerMemory>> {
    return { ...this.#memory };
  }

  memoryOf(name: string): TriggerMemory {
    return this.#memory[name] ?? unfired;
  }

  /** One of them may still fire. */
  get armed(): boolean {
    return this.#triggers.some((trigger) => this.#isArmed(trigger));
  }

  /** Those that stay as they are keep what they have counted. */
  replace(triggers: readonly Trigger[]): void {
    const same = (trigger: Trigger) =>
      this.#triggers.some((old) => JSON.stringify(old) === JSON.stringify(trigger));
    const kept = triggers.filter(same).map(({ name }) => [name, this.memoryOf(name)] as const);
    this.#triggers = triggers;
    this.#memory = Object.fromEntries(kept);
  }

  /** What they have counted at an earlier step, of those that there still are. */
  rewind(memory: Readonly<Record<string, TriggerMemory>>): void {
    this.#memory = { ...memory };
  }

  /** Those that fire at this recorded step; every one must be shown, in order. */
  observe(point: ProgressPoint): { readonly trigger: Trigger; readonly detail: string }[] {
    const firing = [];
    for (const trigger of this.#triggers) {
      const { when, name } = trigger;
      if (isPassedOver(when, point)) continue;
      const memory = this.memoryOf(name);
      const held = holdsAt(when, point) ? memory.held + 1 : 0;
      const fires = held === when.forRecorded && this.#isArmed(trigger);
      this.#memory[name] = fires
        ? { fired: memory.fired + 1, lastFiredStep: point.step, held }
        : { ...memory, held };
      if (fires) firing.push({ trigger, detail: conditionDetail(when) });
    }
    return firing;
  }

  failed(name: string, error: unknown): string {
    const lastError = error instanceof GrokboxError ? error.message : "a defect of the server";
    this.#memory[name] = { ...this.memoryOf(name), lastError };
    return lastError;
  }

  #isArmed({ name, repeat }: Trigger): boolean {
    return repeat || this.memoryOf(name).fired === 0;
  }
}
