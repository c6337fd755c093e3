import type { ServerService } from "@grokbox/proto/server";
import { presets } from "../model/presets.ts";
import type { Registry } from "../sessions/registry.ts";
import type { Sweeps } from "../sessions/sweeps/sweeps.ts";
import { defaultDeadlineMs } from "./call.ts";
import type { Handlers } from "./service.ts";

/** Bytes of one message, either way: the default that gRPC clients accept. */
export const maxMessageBytes = 4 * 2 ** 20;

/** theta, xi and four moments at p = 199, M = 65,536. */
export const maxUploadBytes = 6 * 199 * 65_536 * 4;

export function serverService({ registry, limits }: Sweeps, version: string): Handlers<typeof ServerService> {
  return {
    getServerInfo: async () => ({
      storage: await storageMessage(registry),
      version,
      runtime: process.version,
      uptimeSeconds: process.uptime(),
      engines: registry.engines.map(({ engine, fallbackReason }) => ({
        name: engine.name,
        variant: engine.variant,
        device: engine.device,
        isa: engine.isa,
        threads: engine.threads,
        precision: engine.precision,
        deterministic: engine.deterministic,
        fallbackReason,
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
