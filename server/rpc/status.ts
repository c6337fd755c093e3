import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { BadRequestSchema, ErrorInfoSchema } from "@grokbox/proto/rpc/error_details";
import { StatusSchema } from "@grokbox/proto/rpc/status";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { GrokboxError, type Reason } from "../sessions/errors.ts";

/** The gRPC code of every reason: the one place that maps them. */
const codes: Readonly<Record<Reason, status>> = {
  INVALID_FIELD: status.INVALID_ARGUMENT,
  REQUEST_ID_REUSED: status.INVALID_ARGUMENT,
  CHECKSUM_MISMATCH: status.INVALID_ARGUMENT,
  SESSION_NOT_FOUND: status.NOT_FOUND,
  SNAPSHOT_NOT_FOUND: status.NOT_FOUND,
  UPLOAD_NOT_FOUND: status.NOT_FOUND,
  SERVICE_NOT_FOUND: status.NOT_FOUND,
  SESSION_STATE: status.FAILED_PRECONDITION,
  DIVERGED: status.FAILED_PRECONDITION,
  STEP_MISMATCH: status.ABORTED,
  SESSION_DELETED: status.ABORTED,
  TOO_MANY_SESSIONS: status.RESOURCE_EXHAUSTED,
  QUEUE_FULL: status.RESOURCE_EXHAUSTED,
  TOO_MANY_SNAPSHOTS: status.RESOURCE_EXHAUSTED,
  OUT_OF_MEMORY: status.RESOURCE_EXHAUSTED,
  STORAGE_FULL: status.RESOURCE_EXHAUSTED,
  SNAPSHOT_EXISTS: status.FAILED_PRECONDITION,
  SNAPSHOT_IN_USE: status.FAILED_PRECONDITION,
  SNAPSHOT_CORRUPT: status.DATA_LOSS,
  SHUTTING_DOWN: status.UNAVAILABLE,
  DEADLINE_EXCEEDED: status.DEADLINE_EXCEEDED,
  CANCELLED: status.CANCELLED,
};

const domain = "grokbox";

/** Trailer with the google.rpc.Status, as every gRPC implementation names it. */
const detailsKey = "grpc-status-details-bin";

/**
 * Trailers must stay below the 8 KiB that clients accept: so many violations, and so many UTF-8 bytes of each text. The message is sent
 * twice, once percent-encoded, which can triple it.
 */
const sentViolations = 16;
const sentFieldBytes = 80;
const sentBytes = 160;
const sentMessageBytes = 500;

/** The gRPC error that tells a client all of `error`, and nothing of a defect but its id, which `log` writes with the rest. */
export function toServiceError(error: unknown, log: (errorId: string, error: unknown) => void): ServiceError {
  if (error instanceof GrokboxError) {
    return serviceError(codes[error.reason], error.message, error.reason, error.metadata, error.violations);
  }
  const errorId = crypto.randomUUID();
  log(errorId, error);
  return serviceError(
    status.INTERNAL,
    `a defect of the server; its log has it as ${errorId}`,
    "INTERNAL",
    { error_id: errorId },
    [],
  );
}

function serviceError(
  code: status,
  message: string,
  reason: string,
  metadata: Readonly<Record<string, string>>,
  violations: GrokboxError["violations"],
): ServiceError {
  const text = shorten(message, sentMessageBytes);
  const details = [
    anyPack(
      ErrorInfoSchema,
      create(ErrorInfoSchema, {
        reason,
        domain,
        metadata: Object.fromEntries(
          Object.entries(metadata).map(([key, value]) => [key, shorten(value, sentBytes)]),
        ),
      }),
    ),
  ];
  if (violations.length > 0) {
    const fieldViolations = violations.slice(0, sentViolations).map(({ field, description }) => ({
      field: shorten(field, sentFieldBytes),
      description: shorten(description, sentBytes),
    }));
    details.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations })));
  }
  const trailer = new Metadata();
  trailer.set(
    detailsKey,
    Buffer.from(toBinary(StatusSchema, create(StatusSchema, { code, message: text, details }))),
  );
  return Object.assign(new Error(text), { code, details: text, metadata: trailer });
}

/** The beginning of a text in at most so many UTF-8 bytes; always well-formed, or it could not be sent at all. */
function shorten(text: string, bytes: number): string {
  const wellFormed = text.toWellFormed();
  if (Buffer.byteLength(wellFormed) <= bytes) return wellFormed;
  const { read } = new TextEncoder().encodeInto(wellFormed, new Uint8Array(bytes - 3));
  return `${wellFormed.slice(0, read)}…`;
}
