/** Why a call failed, the names of `grokbox.v1.ErrorReason` without their prefix. `messages/status.ts` maps each to a gRPC code. */
export type Reason =
  | "INVALID_FIELD"
  | "REQUEST_ID_REUSED"
  | "SESSION_NOT_FOUND"
  | "SNAPSHOT_NOT_FOUND"
  | "UPLOAD_NOT_FOUND"
  | "SERVICE_NOT_FOUND"
  | "SESSION_STATE"
  | "STEP_MISMATCH"
  | "DIVERGED"
  | "TOO_MANY_SESSIONS"
  | "QUEUE_FULL"
  | "TOO_MANY_SNAPSHOTS"
  | "OUT_OF_MEMORY"
  | "CHECKSUM_MISMATCH"
  | "SHUTTING_DOWN"
  | "DEADLINE_EXCEEDED"
  | "CANCELLED"
  | "SESSION_DELETED"
  | "MESSAGE_TOO_LARGE"
  | "SNAPSHOT_CORRUPT"
  | "SNAPSHOT_EXISTS"
  | "SNAPSHOT_IN_USE"
  | "STORAGE_FULL"
  | "SWEEP_NOT_FOUND"
  | "SWEEP_STATE"
  | "TOO_MANY_SWEEPS"
  | "SESSION_IN_SWEEP"
  | "ENGINE_ABSENT"
  | "DEVICE_LOST";

/** What ends without anybody doing anything to a session: the device is back, or the next server has the engine. */
export function isWithoutDevice(reason: Reason | undefined): boolean {
  return reason === "DEVICE_LOST" || reason === "ENGINE_ABSENT";
}

/** One field of a request, by its proto path, and what it must be. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** An error that a caller is meant to see. Anything else that is thrown is a defect and is hidden. */
export class GrokboxError extends Error {
  override readonly name = "GrokboxError";
  readonly reason: Reason;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];

  constructor(
    reason: Reason,
    message: string,
    metadata: Record<string, string | number> = {},
    violations: readonly FieldViolation[] = [],
  ) {
    super(message);
    this.reason = reason;
    this.metadata = Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, String(value)]));
    this.violations = violations;
  }
}

/** INVALID_FIELD with every violation in the message, for clients that show only that. */
export function invalid(violations: readonly FieldViolation[]): GrokboxError {
  const message = violations.map(({ field, description }) => `${field}: ${description}`).join("; ");
  return new GrokboxError("INVALID_FIELD", message, {}, violations);
}

/** The error for work that `signal` ended: its own reason when that is one of ours, else CANCELLED. */
export function cancelled(signal: AbortSignal): GrokboxError {
  return signal.reason instanceof GrokboxError
    ? signal.reason
    : new GrokboxError("CANCELLED", "the caller went away; work stopped within a slice");
}
