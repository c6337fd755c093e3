import { type Backoff, sleep } from "./backoff.ts";
import type { Deadline } from "./deadline.ts";
import { cancelled, GrokboxError, isReason } from "./error.ts";

export interface RetryOptions {
  readonly deadline: Deadline;
  readonly backoff: Backoff;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Tries until an attempt succeeds, fails with anything but UNAVAILABLE (or with DEVICE_LOST, of which the server has seen several in a
 * row by then), or the next would come after the deadline. Only for what is safe
 * to repeat: calls that read, and calls whose request_id lets the server recognize them.
 *
 * @param attempt - is told how long it may take, milliseconds
 * @throws what the last attempt failed with; when that was cut off by the deadline, with the failure before it as its cause
 */
export async function retrying<T>(
  attempt: (timeoutMs: number) => Promise<T>,
  { deadline, backoff, signal }: RetryOptions,
): Promise<T> {
  let failure: GrokboxError | undefined;
  for (let failures = 1; ; failures++) {
    if (signal?.aborted) throw cancelled(signal);
    try {
      return await attempt(deadline.leftMs);
    } catch (error) {
      if (!isUnavailable(error) || error.reason === "DEVICE_LOST")
        throw failure === undefined ? error : cutOff(error, failure);
      failure = error;
      const waitMs = Math.max(backoff.waitMs(failures), error.retryDelayMs);
      if (waitMs >= deadline.leftMs) throw failures === 1 ? error : exhausted(error, failures);
      await sleep(waitMs, signal);
    }
  }
}

export function isUnavailable(error: unknown): error is GrokboxError {
  return error instanceof GrokboxError && error.code === "UNAVAILABLE";
}

function exhausted(error: GrokboxError, attempts: number): GrokboxError {
  return new GrokboxError(`${error.rawMessage} (gave up after ${attempts} attempts: no time is left)`, {
    code: error.code,
    reason: error.reason,
    metadata: error.metadata,
    cause: error,
  });
}

function cutOff(error: unknown, failure: GrokboxError): unknown {
  if (!isReason(error, "DEADLINE_EXCEEDED")) return error;
  const { code, reason, rawMessage } = error;
  return new GrokboxError(`${rawMessage}; before that: ${failure.rawMessage}`, {
    code,
    reason,
    cause: failure,
  });
}
