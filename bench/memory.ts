import { readFileSync, writeFileSync } from "node:fs";

/** From now on `peakMemoryBytes` is of what comes. */
export function resetPeakMemory(): void {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // Not on Linux: then `peakMemoryBytes` is null.
  }
}

/** What this process held at most, bytes: all of it, the runtime too. Null where the system doesn't say. */
export function peakMemoryBytes(): number | null {
  try {
    const [, kibibytes] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))!;
    return Number(kibibytes) * 1024;
  } catch {
    return null;
  }
}
