import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { BadRequestSchema, ErrorInfoSchema } from "@grokbox/proto/rpc/error_details";
import { type Status, StatusSchema } from "@grokbox/proto/rpc/status";
import { GrokboxError, type Reason } from "../sessions/errors.ts";

/** Numbers of google.rpc.Code, which gRPC and the Connect protocol share. */
export const code = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
} as const;

const names = new Map<number, string>(Object.entries(code).map(([name, number]) => [number, name]));

/** The name of a code, as in metrics and logs. */
export function codeName(number: number): string {
  return names.get(number) ?? "UNKNOWN";
}

/** The code of every reason: the one place that maps them. */
const codes: Readonly<Record<Reason, number>> = {
  INVALID_FIELD: code.INVALID_ARGUMENT,
  REQUEST_ID_REUSED: code.INVALID_ARGUMENT,
  CHECKSUM_MISMATCH: code.INVALID_ARGUMENT,
  SESSION_NOT_FOUND: code.NOT_FOUND,
  SNAPSHOT_NOT_FOUND: code.NOT_FOUND,
  UPLOAD_NOT_FOUND: code.NOT_FOUND,
  SERVICE_NOT_FOUND: code.NOT_FOUND,
  SESSION_STATE: code.FAILED_PRECONDITION,
  DIVERGED: code.FAILED_PRECONDITION,
  STEP_MISMATCH: code.ABORTED,
  SESSION_DELETED: code.ABORTED,
  TOO_MANY_SESSIONS: code.RESOURCE_EXHAUSTED,
  QUEUE_FULL: code.RESOURCE_EXHAUSTED,
  TOO_MANY_SNAPSHOTS: code.RESOURCE_EXHAUSTED,
  OUT_OF_MEMORY: code.RESOURCE_EXHAUSTED,
  STORAGE_FULL: code.RESOURCE_EXHAUSTED,
  MESSAGE_TOO_LARGE: code.RESOURCE_EXHAUSTED,
  SWEEP_NOT_FOUND: code.NOT_FOUND,
  SWEEP_STATE: code.FAILED_PRECONDITION,
  TOO_MANY_SWEEPS: code.RESOURCE_EXHAUSTED,
  SESSION_IN_SWEEP: code.FAILED_PRECONDITION,
  ENGINE_ABSENT: code.FAILED_PRECONDITION,
  DEVICE_LOST: code.UNAVAILABLE,
  SNAPSHOT_EXISTS: code.FAILED_PRECONDITION,
  SNAPSHOT_IN_USE: code.FAILED_PRECONDITION,
  SNAPSHOT_CORRUPT: code.DATA_LOSS,
  SHUTTING_DOWN: code.UNAVAILABLE,
  DEADLINE_EXCEEDED: code.DEADLINE_EXCEEDED,
  CANCELLED: code.CANCELLED,
};

const domain = "grokbox";

/**
 * Trailers must stay below the 8 KiB that clients accept: so many violations, and so many UTF-8 bytes of each text. The message is sent
 * twice, once percent-encoded, which can triple it.
 */
const sentViolations = 16;
const sentFieldBytes = 80;
const sentBytes = 160;
const sentMessageBytes = 500;

/** What tells a client all of `error`, and nothing of a defect but its id, which `log` writes with the rest. */
export function statusMessage(error: unknown, log: (errorId: string, error: unknown) => void): Status {
  if (error instanceof GrokboxError) {
    return status(codes[error.reason], error.message, error.reason, error.metadata, error.violations);
  }
  const errorId = crypto.randomUUID();
  log(errorId, error);
  return status(
    code.INTERNAL,
    `a defect of the server; its log has it as ${errorId}`,
    "INTERNAL",
    { error_id: errorId },
    [],
  );
}

function status(
  number: number,
  message: string,
  reason: string,
  metadata: Readonly<Record<string, string>>,
  violations: GrokboxError["violations"],
): Status {
  const info = create(ErrorInfoSchema, {
    reason,
    domain,
    metadata: Object.fromEntries(
      Object.entries(metadata).map(([key, value]) => [key, shorten(value, sentBytes)]),
    ),
  });
  const details = [anyPack(ErrorInfoSchema, info)];
  if (violations.length > 0) {
    const fieldViolations = violations.slice(0, sentViolations).map(({ field, description }) => ({
      field: shorten(field, sentFieldBytes),
      description: shorten(description, sentBytes),
    }));
    details.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations })));
  }
  return create(StatusSchema, { code: number, message: shorten(message, sentMessageBytes), details });
}

/** The beginning of a text in at most so many UTF-8 bytes; always well-formed, or it could not be sent at all. */
function shorten(text: string, bytes: number): string {
  const wellFormed = text.toWellFormed();
  if (Buffer.byteLength(wellFormed) <= bytes) return wellFormed;
  const { read } = new TextEncoder().encodeInto(wellFormed, new Uint8Array(bytes - 3));
  return `${wellFormed.slice(0, read)}…`;
}
