/**
 * The device is gone: every open trainer of the engine rejects with it from now on, and can only be closed. The next `open` acquires a
 * device again, and rejects with it too when there is none. One loss is one instance, for all trainers, so that it is counted once.
 */
export class DeviceLostError extends Error {
  override readonly name = "DeviceLostError";
}
