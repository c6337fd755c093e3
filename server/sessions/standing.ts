import { GrokboxError, type Reason } from "./errors.ts";
import { retainedEvents, type SessionEvent } from "./session-event.ts";
import type { Intent } from "./session-record.ts";
import { next, type SessionState, type Transition } from "./state.ts";
import type { StopReason } from "./stop-reason.ts";
import type { Training } from "./training.ts";

/** What a session does, why it stopped last, and what happened to it. Who follows its log is told when it does something else. */
export class Standing {
  readonly #name: string;
  readonly #training: Pick<Training, "step" | "log">;
  #state: SessionState;
  #stopReason: StopReason | undefined;
  #events: readonly SessionEvent[];

  /** Of what a store has of an old session: what was under way there is not any more. */
  constructor(
    name: string,
    training: Pick<Training, "step" | "log">,
    { state = "idle", stopReason, events = [] }: Partial<Pick<Intent, "state" | "stopReason" | "events">>,
  ) {
    this.#name = name;
    this.#training = training;
    this.#state = state === "stepping" || state === "running" ? "idle" : state;
    this.#stopReason = stopReason;
    this.#events = events;
  }

  get state(): SessionState {
    return this.#state;
  }

  get isTraining(): boolean {
    return this.#state === "running" || this.#state === "stepping";
  }

  get isDeleted(): boolean {
    return this.#state === "deleted";
  }

  get stopReason(): StopReason | undefined {
    return this.#stopReason;
  }

  get events(): readonly SessionEvent[] {
    return this.#events;
  }

  /** Fails with SESSION_STATE when that can't be done now. */
  check(transition: Transition): void {
    next(this.#state, transition, this.#name);
  }

  /** Fails with SESSION_STATE, changing nothing. */
  transition(transition: Transition): void {
    this.#state = next(this.#state, transition, this.#name);
    this.#training.log.wake();
  }

  /** Fails with STEP_MISMATCH when it is at another step than the caller thinks. */
  expect(expectedStep: number | undefined): void {
    const { step } = this.#training;
    if (expectedStep === undefined || expectedStep === step) return;
    throw new GrokboxError(
      "STEP_MISMATCH",
      `${this.#name} is at step ${step}, not at the expected ${expectedStep}; nothing was changed`,
      { session: this.#name, expected_step: expectedStep, step },
    );
  }

  /** A job has ended. */
  settle(stop: StopReason, transition: Transition): void {
    this.#stopReason = stop;
    if (this.isDeleted) return;
    this.transition(stop.kind === "diverged" ? "diverge" : transition);
  }

  /** Why it stopped does not matter any more: it goes on, or is elsewhere. */
  forgetStop(): void {
    this.#stopReason = undefined;
  }

  failure(detail: string, cause?: Reason): StopReason {
    const { step } = this.#training;
    return { kind: "failed", detail, step, ...(cause === undefined ? {} : { cause }) };
  }

  /** Something happens to it now. */
  note<E extends SessionEvent["kind"]>(
    what: Omit<Extract<SessionEvent, { kind: E }>, "step" | "timeMs"> & { readonly kind: E },
  ): SessionEvent {
    const event = { step: this.#training.step, timeMs: Date.now(), ...what } as unknown as SessionEvent;
    this.remember(event);
    return event;
  }

  remember(...events: readonly SessionEvent[]): void {
    this.#events = this.with(...events);
  }

  /** The events that there are once these are remembered. */
  with(...events: readonly SessionEvent[]): readonly SessionEvent[] {
    return [...this.#events, ...events].slice(-retainedEvents);
  }

  /** That a trigger has fired at this step is told already. */
  tells({ trigger, detail }: { readonly trigger: string; readonly detail: string }): boolean {
    const { step } = this.#training;
    return this.#events.some(
      (event) =>
        event.kind === "triggerFired" &&
        event.step === step &&
        event.trigger === trigger &&
        event.detail === detail,
    );
  }

  /** It did not happen like that. */
  unremember(event: SessionEvent): void {
    this.#events = this.#events.filter((other) => other !== event);
  }

  gone(): GrokboxError {
    return new GrokboxError("SESSION_DELETED", `${this.#name} was deleted`, { session: this.#name });
  }
}
