import { fromBinary } from "@bufbuild/protobuf";
import { type Any, anyUnpack, durationMs } from "@bufbuild/protobuf/wkt";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "@grokbox/proto/rpc/error_details";
import { StatusSchema } from "@grokbox/proto/rpc/status";
import { codeOf } from "./code.ts";
import { type FieldViolation, GrokboxError } from "./error.ts";

/** Who defines the reasons that are ours to understand. */
const domain = "grokbox";

/** What a transport knows of a failed call. */
export interface Failure {
  /** Number of the gRPC status code. */
  readonly code: number;
  readonly message: string;
  readonly details: readonly Any[];
  readonly cause?: unknown;
}

/** The error that tells the caller all that the server said. */
export function toGrokboxError({ code, message, details, cause }: Failure): GrokboxError {
  const said: { reason?: string; metadata?: Record<string, string>; violations?: FieldViolation[] } = {};
  let retryDelayMs = 0;
  for (const detail of details) {
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

/** The details in the bytes of a google.rpc.Status. None when they are not one: what the code says stands without them. */
export function detailsIn(status: Uint8Array): readonly Any[] {
  try {
    return fromBinary(StatusSchema, status).details;
  } catch {
    return [];
  }
}
