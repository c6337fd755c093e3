import { hash } from "node:crypto";
import {
  create,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { isRequestId } from "../messages/checks.ts";
import { Encoded } from "../messages/encoded.ts";
import type { Receipt } from "../sessions/receipt.ts";
import type { Registry } from "../sessions/registry.ts";
import type { Session } from "../sessions/session.ts";
import type { Context } from "./call.ts";

/** A mutating call, as its handler sees it. */
export interface MutatingCall<O extends DescMessage> {
  readonly receipt: Receipt;
  /** Says which session the call works on, so that what a repetition must know becomes durable with it. */
  on(session: Session): void;
  /** Says what will be answered, before it becomes durable together with its effect. The last that is said is the answer. */
  answer(response: MessageInitShape<O>): void;
}

/**
 * Answers a mutating call once a request id. The fingerprint is of the message's JSON with sorted keys, so that a repetition is
 * recognized however its client orders map entries.
 *
 * @param work - its result is the answer, unless it has said one: that may be stored by then, and a crash must not bring back another
 */
export async function once<I extends DescMessage, O extends DescMessage>(
  registry: Registry,
  input: I,
  output: O,
  request: MessageShape<I> & { readonly requestId: string },
  { signal }: Context,
  work: (call: MutatingCall<O>) => Promise<MessageInitShape<O> | undefined>,
): Promise<Encoded> {
  const encode = (response: MessageInitShape<O>) => toBinary(output, create(output, response));
  // An id that is none is not kept: `work` refuses it, with whatever else is wrong.
  const requestId = isRequestId(request.requestId) ? request.requestId : "";
  const fingerprint = requestId === "" ? "" : fingerprintOf(input, request);
  const key = { requestId, fingerprint, method: output.typeName };
  const bytes = await registry.answers.once(key, signal, async (receipt) => {
    const sessions = new Set<Session>();
    try {
      const response = await work({
        receipt,
        on: (session) => {
          session.checkFree();
          sessions.add(session);
          session.keeper.attach(receipt);
        },
        answer: (promised) => receipt.respond(encode(promised)),
      });
      if (response !== undefined) receipt.respond(encode(response));
      if (receipt.response === undefined) throw new Error(`${output.typeName}: nothing was answered`);
      return receipt.response;
    } catch (error) {
      receipt.withdraw();
      throw error;
    } finally {
      for (const session of sessions) session.keeper.detach(receipt);
    }
  });
  return new Encoded(bytes);
}

function fingerprintOf<I extends DescMessage>(input: I, request: MessageShape<I>): string {
  const body = JSON.stringify(sorted(toJson(input, request)));
  return hash("sha256", `${input.typeName}\0${body}`, "hex");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
