import { openCpuEngine } from "../../engine/cpu/cpu-engine.ts";
import { openStore } from "../../store/store.ts";
import { Receipt } from "../receipt.ts";
import { type Limits, Registry } from "../registry.ts";

export interface TestRegistryOptions {
  readonly limits?: Partial<Limits>;
  readonly threads?: number;
  /** @default in memory */
  readonly directory?: string;
  readonly checkpointEveryMs?: number;
  readonly maxEphemeralBytes?: number;
  readonly variant?: "addon" | "wasm";
}

/** A registry with a real engine and a real store. Defects are thrown. */
export async function openTestRegistry(options: TestRegistryOptions = {}): Promise<Registry> {
  const { limits, threads, directory, checkpointEveryMs = 1_000, maxEphemeralBytes, variant } = options;
  const store = await openStore({
    directory,
    holder: "a test",
    ...(maxEphemeralBytes === undefined ? {} : { maxEphemeralBytes }),
  });
  const engine = await openCpuEngine({
    ...(threads === undefined ? {} : { threads }),
    ...(variant === undefined ? {} : { variant }),
  });
  return new Registry({
    engines: { offered: [{ engine, fallbackReason: "" }], absent: [], evaluator: engine },
    limits: {
      maxSessions: 1_000,
      maxQueuedCommands: 10,
      maxSnapshotsPerSession: 1_000,
      retainedProgressPoints: 1_000,
      maxStateBytes: 2 ** 28,
      ...limits,
    },
    store,
    checkpointEveryMs,
    onDefect: (error) => {
      throw error;
    },
  });
}

/** A call that nobody will repeat. */
export function unrepeated(): Receipt {
  return new Receipt("", "", "");
}
