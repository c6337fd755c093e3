import { createHash } from "node:crypto";
import { type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";
import type { Memo } from "../sessions/answers.ts";
import type { Registry } from "../sessions/registry.ts";
import type { Context } from "./call.ts";
import { isRequestId } from "./checks.ts";

/**
 * Answers a mutating call once a request id. The fingerprint is of the message's JSON with sorted keys, so that a repetition is
 * recognized however its client orders map entries.
 */
export function once<D extends DescMessage, T>(
  registry: Registry,
  schema: D,
  request: MessageShape<D> & { readonly requestId: string },
  { signal }: Context,
  work: (memo: Memo) => Promise<T>,
): Promise<T> {
  // An id that is none is not kept: `work` refuses it, with whatever else is wrong.
  if (!isRequestId(request.requestId)) return work({});
  const body = JSON.stringify(sorted(toJson(schema, request)));
  const fingerprint = createHash("sha256").update(schema.typeName).update("\0").update(body).digest("hex");
  return registry.answers.once(request.requestId, fingerprint, signal, work);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
