import { openCpuEngine } from "../../engine/cpu/cpu-engine.ts";
import type { Engine } from "../../engine/engine.ts";
import { openStoreAgain } from "../../store/testing/kept-threads.ts";
import type { AbsentEngine, OfferedEngine } from "../engines.ts";
import type { Limits } from "../limits.ts";
import type { Observer } from "../observer.ts";
import { Receipt } from "../receipt.ts";
import { Registry } from "../registry.ts";

export interface TestRegistryOptions {
  readonly limits?: Partial<Limits>;
  readonly threads?: number;
  /** @default in memory */
  readonly directory?: string;
  readonly checkpointEveryMs?: number;
  readonly maxEphemeralBytes?: number;
  readonly variant?: "addon" | "wasm";
  /** Beside the CPU engine that computes logits. @default that one alone */
  readonly offered?: (cpu: Engine) => readonly OfferedEngine[];
  readonly absent?: readonly AbsentEngine[];
  readonly observer?: Observer;
}

/** A registry with a real engine and a real store. Defects are thrown. */
export async function openTestRegistry(options: TestRegistryOptions = {}): Promise<Registry> {
  const { limits, threads, directory, checkpointEveryMs = 1_000, maxEphemeralBytes, variant } = options;
  const { offered = (engine) => [{ engine, fallbackReason: "" }], absent = [], observer } = options;
  const store = await openStoreAgain({
    directory,
    holder: "a test",
    ...(maxEphemeralBytes === undefined ? {} : { maxEphemeralBytes }),
  });
  const engine = await openCpuEngine({
    ...(threads === undefined ? {} : { threads }),
    ...(variant === undefined ? {} : { variant }),
  });
  return new Registry({
    engines: { offered: offered(engine), absent, evaluator: engine },
    ...(observer === undefined ? {} : { observer }),
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
