import { toBinary } from "@bufbuild/protobuf";
import { StatusSchema } from "@grokbox/proto/rpc/status";
import { Metadata, type ServiceError } from "@grpc/grpc-js";
import { statusMessage } from "../messages/status.ts";

/** Trailer with the google.rpc.Status, as every gRPC implementation names it. */
const detailsKey = "grpc-status-details-bin";

/** The gRPC error that tells a client all of `error`, and nothing of a defect but its id, which `log` writes with the rest. */
export function toServiceError(error: unknown, log: (errorId: string, error: unknown) => void): ServiceError {
  const status = statusMessage(error, log);
  const metadata = new Metadata();
  metadata.set(detailsKey, Buffer.from(toBinary(StatusSchema, status)));
  return Object.assign(new Error(status.message), { code: status.code, details: status.message, metadata });
}
