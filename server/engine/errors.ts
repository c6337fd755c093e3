/**
 * The device of an engine is gone, and all that was resident on it: every open trainer rejects with this from now on. The next `open`
 * acquires a device again, and rejects with this when there is none.
 */
export class DeviceLostError extends Error {
  override readonly name = "DeviceLostError";
}
