import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack, durationMs } from "@bufbuild/protobuf/wkt";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "@grokbox/proto/rpc/error_details";
import { type Status, StatusSchema } from "@grokbox/proto/rpc/status";
import { codeOf } from "./code.ts";
import { type FieldViolation, GrokboxError } from "./error.ts";

/** The trailer that carries a google.rpc.Status, as every gRPC implementation names it. */
export const detailsKey = "grpc-status-details-bin";

/** Who defines the reasons that are ours to understand. */
const domain = "grokbox";

/** What a transport knows of a failed call. */
export interface Failure {
  /** Number of the gRPC status code. */
  readonly code: number;
  readonly message: string;
  /** Bytes of the trailer `detailsKey`. */
  readonly details?: Uint8Array | undefined;
  readonly cause?: unknown;
}

/** The error that tells the caller all that the server said. */
export function toGrokboxError({ code, message, details, cause }: Failure): GrokboxError {
  const status = details === undefined ? undefined : parse(details);
  const said: { reason?: string; metadata?: Record<string, string>; violations?: FieldViolation[] } = {};
  let retryDelayMs = 0;
  for (const detail of status?.details ?? []) {
    const info = anyUnpack(detail, ErrorInfoSchema);
    if (info?.domain === domain) Object.assign(said, { reason: info.reason, metadata: info.metadata });
    const bad = anyUnpack(detail, BadRequestSchema);
    if (bad !== undefined) {
      said.violations = bad.fieldViolations.map(({ field, description }) => ({ field, description }));
    }
    const retry = anyUnpack(detail, RetryInfoSchema);
    if (retry?.retryDelay !== undefined) retryDelayMs = durationMs(retry.retryDelay);
  }
  return new GrokboxError(message, { code: codeOf(code), ...said, retryDelayMs, cause });
}

/** Undefined for bytes that are no Status: what the code says stands without them. */
function parse(bytes: Uint8Array): Status | undefined {
  try {
    return fromBinary(StatusSchema, bytes);
  } catch {
    return undefined;
  }
}
