import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A line of `peers/peer.py`. */
export interface PeerRow {
  readonly framework: string;
  readonly style: string;
  readonly p: number;
  readonly width: number;
  readonly version?: string;
  readonly device?: string;
  /** `float32` or `tf32`, which is for information only. */
  readonly precision?: string;
  readonly cohort?: number;
  readonly stepsPerSecond?: number;
  readonly error?: string;
}

/** Every style of both frameworks on the same card, for at most so many seconds. Empty, with the reason, where there is no Python for it. */
export async function* measurePeers(python: string, seconds: number): AsyncGenerator<PeerRow> {
  const program = join(import.meta.dirname, "../peers/peer.py");
  const options = ["--device", "cuda", "--shapes", "23x512,97x9107", "--budget-seconds", "40"];
  const child = spawn(
    python,
    [program, "--framework", "jax,torch", ...options, "--total-seconds", `${seconds}`],
    {
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  const failed = new Promise<string>((resolve) => child.on("error", ({ message }) => resolve(message)));
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    const row = JSON.parse(line);
    // The last lines name the best ones again.
    if (row.best === undefined) yield row;
  }
  const error = await Promise.race([failed, Promise.resolve(undefined)]);
  if (error !== undefined) yield { framework: python, style: "", p: 0, width: 0, error };
}

/** The fastest in float32 that trains one network. */
export function bestPeer(rows: readonly PeerRow[], p: number, width: number): PeerRow | undefined {
  return rows
    .filter((row) => row.p === p && row.width === width && row.precision === "float32" && row.cohort === 1)
    .sort((a, b) => (b.stepsPerSecond ?? 0) - (a.stepsPerSecond ?? 0))[0];
}
