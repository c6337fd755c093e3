import { ServerInterceptingCall, type ServerInterceptor, type StatusObject } from "@grpc/grpc-js";
import { code } from "../messages/status.ts";
import { GrokboxError } from "../sessions/errors.ts";
import { type CallLog, secondsSince, unknownMethod } from "./call.ts";
import { maxMessageBytes } from "./server-service.ts";
import { toServiceError } from "./status.ts";

/** Of a caller's own text, what a line of the log has. */
const mostPathLength = 200;

/** Writes down and counts the calls that grpc-js answers before a handler has them; one whose message is too large is told so with the limit. */
export function unhandled(log: CallLog): ServerInterceptor {
  return ({ path }, call) => {
    const began = performance.now();
    let metadata: object | undefined;
    let answer: Pick<StatusObject, "code" | "details"> = {
      code: code.CANCELLED,
      details: "the caller went away",
    };
    // What it answers by itself does not come through its interceptors, only through the call.
    const sendStatus = call.sendStatus.bind(call);
    call.sendStatus = (status) => {
      const isTooLarge = status.code === code.RESOURCE_EXHAUSTED && /^Received message/.test(status.details);
      const told = isTooLarge ? toServiceError(tooLarge(), () => {}) : status;
      answer = told;
      sendStatus(told);
    };
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (received, pass) => {
            metadata = received;
            pass(received);
          },
          // It says so of every call in the end.
          onCancel: () => {
            if (metadata !== undefined && log.hasBegun(metadata)) return;
            const error = answer.code === code.OK ? undefined : answer;
            log.end(path.slice(1), { seconds: secondsSince(began), error });
          },
        }),
    });
  };
}

/** The same for a call of a method that there is none of. */
export function unknown(log: CallLog, path: string): void {
  const details = `there is no method ${path.slice(0, mostPathLength)}`;
  log.end(unknownMethod, { seconds: 0, error: { code: code.UNIMPLEMENTED, details } });
}

/** What a caller is told whose message is larger than one may be. */
export function tooLarge(): GrokboxError {
  return new GrokboxError(
    "MESSAGE_TOO_LARGE",
    `a message must be at most ${maxMessageBytes} bytes; weights are uploaded in chunks`,
    { limit: maxMessageBytes },
  );
}
