import { runtime } from "#runtime";

/** Calls `listener` once when `signal` fires. Returns what ends the listening. */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  runtime.expectManyListeners(signal);
  signal.addEventListener("abort", listener, { once: true });
  return () => signal.removeEventListener("abort", listener);
}

/** A signal that fires with the first of the given ones, until released; unlike `AbortSignal.any`, it holds on to none of them then. */
export interface Joined {
  readonly signal: AbortSignal;
  /** Fires it from here. */
  abort(reason: unknown): void;
  release(): void;
}

export function join(...signals: readonly (AbortSignal | undefined)[]): Joined {
  const controller = new AbortController();
  const present = signals.filter((signal) => signal !== undefined);
  const fire = () => controller.abort(present.find(({ aborted }) => aborted)?.reason);
  const stops = present.map((signal) => onAbort(signal, fire));
  if (present.some(({ aborted }) => aborted)) fire();
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    release: () => {
      for (const stop of stops) stop();
    },
  };
}
