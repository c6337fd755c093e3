/** Before each poll, at least: little beside a submission of some milliseconds, behind which others are in flight. */
export const pauseMs = 0.1;

/**
 * Makes Dawn poll less often, on a thread that does nothing else.
 *
 * While one of its promises is open, Dawn's binding asks in every turn of the event loop what the device has done, by the global `setImmediate` and
 * with a new function each time (crbug.com/dawn/1127). That is over a hundred thousand times a second: it takes a core, and its garbage is
 * collected for 20 to 50 ms at a time, which is longer than what is in flight keeps a device busy.
 */
export function pauseBetweenPolls(): void {
  const never = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const soon = globalThis.setImmediate;
  globalThis.setImmediate = ((poll: () => void) =>
    soon(() => {
      // Timers of the event loop know whole milliseconds only.
      Atomics.wait(never, 0, 0, pauseMs);
      poll();
    })) as typeof setImmediate;
}
