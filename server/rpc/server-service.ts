import type { ServerService } from "@grokbox/proto/server";
import { defined } from "../messages/defined.ts";
import { stateSize } from "../model/network-state.ts";
import { presets } from "../model/presets.ts";
import { mostDimension } from "../model/spec-rules.ts";
import type { Timing } from "../sessions/calibration.ts";
import type { MemoryBudget } from "../sessions/memory-budget.ts";
import type { Registry } from "../sessions/registry.ts";
import type { Sweeps } from "../sessions/sweeps/sweeps.ts";
import { defaultDeadlineMs } from "./call.ts";
import type { Handlers } from "./service.ts";

/** Bytes of one message, either way: the default that gRPC clients accept. */
export const maxMessageBytes = 4 * 2 ** 20;

/** The whole state of the largest network: a learned embedding of the highest dimension, AdamW and Grokfast. */
export const maxUploadBytes =
  4 *
  stateSize(
    { moments: true, averages: true, factors: true },
    { modulus: 199, width: 65_536, dimension: mostDimension },
  );

export function serverService({ registry, limits }: Sweeps, version: string): Handlers<typeof ServerService> {
  return {
    getServerInfo: async () => ({
      storage: await storageMessage(registry),
      version,
      runtime: process.version,
      uptimeSeconds: process.uptime(),
      memory: memoryMessage(registry.memory),
      absentEngines: registry.absentEngines.map(({ name, reason }) => ({ name, reason })),
      engines: registry.engines.map(({ engine, fallbackReason, calibration = [] }) => ({
        name: engine.name,
        variant: engine.variant,
        device: engine.device,
        isa: engine.isa,
        threads: engine.threads,
        precision: engine.precision,
        deterministic: engine.deterministic,
        fallbackReason,
        parts: engine.parts,
        timings: calibration.map(timingMessage),
        ...defined({ memory: memoryMessage(registry.deviceMemory(engine)) }),
      })),
      limits: {
        maxSessions: registry.limits.maxSessions,
        maxQueuedCommands: registry.limits.maxQueuedCommands,
        maxSnapshotsPerSession: registry.limits.maxSnapshotsPerSession,
        retainedProgressPoints: registry.limits.retainedProgressPoints,
        maxSweeps: limits.maxSweeps,
        maxSweepRuns: limits.maxSweepRuns,
        maxMessageBytes,
        maxUploadBytes: BigInt(maxUploadBytes),
        defaultDeadlineSeconds: defaultDeadlineMs / 1000,
      },
      presets: Object.values(presets).map(({ name, description, steps }) => ({
        name,
        description,
        steps: BigInt(steps),
      })),
    }),
  };
}

function memoryMessage(memory: MemoryBudget | undefined) {
  if (memory === undefined) return undefined;
  return { usedBytes: BigInt(memory.usedBytes), limitBytes: BigInt(memory.limitBytes) };
}

function timingMessage({ modulus, width, stepMs, cohort }: Timing) {
  return {
    modulus,
    width,
    stepsPerSecond: 1000 / stepMs,
    cohort: cohort?.size ?? 0,
    cohortStepsPerSecond: cohort === undefined ? 0 : (1000 * cohort.size) / cohort.stepMs,
  };
}

async function storageMessage({ store, storageAlarm, checkpointEveryMs }: Registry) {
  const { fileBytes, walBytes, snapshots } = await store.usage();
  return {
    durable: store.path !== undefined,
    bytes: BigInt(fileBytes + walBytes),
    snapshots: BigInt(snapshots),
    alarm: storageAlarm,
    checkpointEverySeconds: checkpointEveryMs / 1000,
  };
}
