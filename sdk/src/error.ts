import type { ErrorReason } from "@grokbox/proto/error";
import type { Code } from "./code.ts";

/**
 * Why a call failed. Those of the server are the reasons of `grokbox/v1/error.proto`; a failure that carries none (no server
 * answered, something between failed) has its code's name. `CLOSED`: the connection was closed by its owner.
 */
export type Reason = Exclude<keyof typeof ErrorReason, "UNSPECIFIED"> | Code | "CLOSED";

/** One field of a request and what it must be. */
export interface FieldViolation {
  /**
   * Path from the request message, in the names of the protos, e.g. `spec.optimizer.adamw.beta1`. An option that there is not is named as
   * it was written: `weightDecya`, `spec.split.torch.fracton`.
   */
  readonly field: string;
  /** What the field must be, and what it was. */
  readonly description: string;
}

export interface GrokboxErrorOptions {
  readonly code: Code;
  /** @default the code's name */
  readonly reason?: Reason | (string & {});
  readonly metadata?: Readonly<Record<string, string>>;
  readonly violations?: readonly FieldViolation[];
  /** @default 0 */
  readonly retryDelayMs?: number;
  readonly cause?: unknown;
}

/** Everything that a call can fail with. Tell failures apart by `reason`, with `isReason`. */
export class GrokboxError extends Error {
  override readonly name = "GrokboxError";
  readonly code: Code;
  /** A reason of a newer server may be none of `Reason`. */
  readonly reason: Reason | (string & {});
  /** The message without its code. */
  readonly rawMessage: string;
  /** The values that the message mentions, by name; which ones a reason has is in `grokbox/v1/error.proto`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** What is wrong with which field of the request; empty unless the reason is `INVALID_FIELD`. */
  readonly violations: readonly FieldViolation[];
  /** The server asks not to be called again before this long, milliseconds. */
  readonly retryDelayMs: number;

  constructor(message: string, options: GrokboxErrorOptions) {
    super(`[${options.code}] ${message}`, options.cause === undefined ? {} : { cause: options.cause });
    this.code = options.code;
    this.reason = options.reason ?? options.code;
    this.rawMessage = message;
    this.metadata = options.metadata ?? {};
    this.violations = options.violations ?? [];
    this.retryDelayMs = options.retryDelayMs ?? 0;
  }
}

/**
 * Whether something that was thrown is a GrokboxError with this reason.
 *
 * @example
 * if (isReason(error, "STEP_MISMATCH")) console.log(`it is at step ${error.metadata.step}`);
 */
export function isReason<R extends Reason>(error: unknown, reason: R): error is GrokboxError & { reason: R } {
  return error instanceof GrokboxError && error.reason === reason;
}

/** An argument that can't be sent at all. */
export function invalidField(field: string, must: string, got?: unknown): GrokboxError {
  const description = got === undefined ? must : `${must}; got ${String(got)}`;
  return new GrokboxError(`${field} ${description}`, {
    code: "INVALID_ARGUMENT",
    reason: "INVALID_FIELD",
    violations: [{ field, description }],
  });
}

/** A value as messages tell it: a text in quotes, so that "2" is none of the numbers. */
export function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** The caller's signal fired; what it fired with is the cause. */
export function cancelled(signal: AbortSignal): GrokboxError {
  return new GrokboxError("cancelled by the caller's signal", { code: "CANCELLED", cause: signal.reason });
}

/** Called after each item of a page or a batch: the signal stops those to come, not only the next call. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled(signal);
}

/** A call on a connection that its owner has closed. */
export function closed(): GrokboxError {
  return new GrokboxError("the connection was closed", { code: "CANCELLED", reason: "CLOSED" });
}

/** The server said something that this SDK can't take at its word. */
export function badAnswer(message: string): GrokboxError {
  return new GrokboxError(message, { code: "DATA_LOSS" });
}
