import { randomBytes } from "node:crypto";
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
  /** Given when it is set, so that a later one of the same name is told apart; those of earlier versions have none. */
  readonly id?: string;
}

/** A trigger that has fired, and why. */
interface Firing {
  readonly trigger: Trigger;
  readonly detail: string;
}

const unfired: TriggerMemory = { fired: 0, held: 0 };

/** A session's triggers, and what they have counted. */
export class Triggers {
  #triggers: readonly Trigger[];
  #memory: Record<string, TriggerMemory>;

  constructor(triggers: readonly Trigger[] = [], memory: Readonly<Record<string, TriggerMemory>> = {}) {
    this.#triggers = triggers;
    this.#memory = countedBy(triggers, memory);
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
    const textOf = (trigger: Trigger) => JSON.stringify({ ...trigger, id: undefined });
    const present = new Map(this.#triggers.map((trigger) => [textOf(trigger), trigger]));
    this.#triggers = triggers.map(
      (trigger) => present.get(textOf(trigger)) ?? { ...trigger, id: randomBytes(6).toString("hex") },
    );
    this.#memory = countedBy(this.#triggers, this.#memory);
  }

  /** Puts back those that there were, with what they had counted. */
  reset(triggers: readonly Trigger[], memory: Readonly<Record<string, TriggerMemory>>): void {
    this.#triggers = triggers;
    this.#memory = { ...memory };
  }

  /** What they have counted at an earlier step, of those that there still are. What they had to do there was done there. */
  rewind(memory: Readonly<Record<string, TriggerMemory>>): void {
    this.#memory = countedBy(this.#triggers, memory);
    for (const name of Object.keys(this.#memory)) this.done(name);
  }

  /** Those that have fired at the present step and whose action is still to be done, those that pause last. */
  get due(): readonly Firing[] {
    const due = this.#triggers.flatMap((trigger) => {
      const { due: detail } = this.memoryOf(trigger.name);
      return detail === undefined ? [] : [{ trigger, detail }];
    });
    const pauses = ({ trigger }: Firing) => Number(trigger.action.kind === "pause");
    return due.sort((a, b) => pauses(a) - pauses(b));
  }

  /** What is due is what was so when this was stored. */
  owesAs(memory: Readonly<Record<string, TriggerMemory>>): boolean {
    return this.#triggers.every(({ name }) => this.memoryOf(name).due === memory[name]?.due);
  }

  /** The action of one that is due is done, or will be together with what is stored next. */
  done(name: string): void {
    this.#memory = withoutDue(this.#memory, name);
  }

  /** Lets those be due that fire at this recorded step; every one must be shown, in order. */
  observe(point: ProgressPoint): void {
    for (const trigger of this.#triggers) {
      const { when, name, id } = trigger;
      if (isPassedOver(when, point)) continue;
      const memory = this.memoryOf(name);
      const held = holdsAt(when, point) ? memory.held + 1 : 0;
      const fires = held === when.forRecorded && this.#isArmed(trigger);
      const counted = fires
        ? { fired: memory.fired + 1, lastFiredStep: point.step, held, due: conditionDetail(when) }
        : { ...memory, held };
      this.#memory[name] = { ...counted, ...(id === undefined ? {} : { id }) };
    }
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

/** What was counted, when the action of one is done. */
export function withoutDue(
  memory: Readonly<Record<string, TriggerMemory>>,
  name: string,
): Record<string, TriggerMemory> {
  const counted = memory[name];
  if (counted?.due === undefined) return { ...memory };
  const { due: _, ...rest } = counted;
  return { ...memory, [name]: rest };
}

/** Of what was counted, what these very triggers have. */
function countedBy(
  triggers: readonly Trigger[],
  memory: Readonly<Record<string, TriggerMemory>>,
): Record<string, TriggerMemory> {
  const own = triggers.flatMap(({ name, id }) => {
    const counted = memory[name];
    return counted !== undefined && counted.id === id ? [[name, counted] as const] : [];
  });
  return Object.fromEntries(own);
}
