import type {
  EngineInfo as EngineMessage,
  GetServerInfoResponse,
  MemoryInfo as MemoryMessage,
  StorageInfo as StorageMessage,
  EngineTiming as TimingMessage,
} from "@grokbox/proto/server";
import { defined } from "./defined.ts";
import { badAnswer } from "./error.ts";
import { fromUint64 } from "./uint64.ts";

/** What a server is and can do. */
export interface ServerInfo {
  /** Semantic version of grokbox. */
  readonly version: string;
  /** Those that work there, the preferred one first. */
  readonly engines: readonly EngineInfo[];
  /** Those that it would offer, and that don't work there. */
  readonly absentEngines: readonly AbsentEngine[];
  /** Of states, snapshots and uploads, and of the sessions that train on engines without their own; absent where the server doesn't say. */
  readonly memory?: MemoryInfo;
  readonly limits: Limits;
  readonly uptimeSeconds: number;
  /** Version of Node.js. */
  readonly runtime: string;
  /** What `preset` may be. */
  readonly presets: readonly PresetInfo[];
  /** Where sessions are kept; absent where the server doesn't say. */
  readonly storage?: StorageInfo;
}

/** Where sessions are kept. */
export interface StorageInfo {
  /** False: everything is gone when the server ends. */
  readonly durable: boolean;
  /** Of the store's files. */
  readonly bytes: number;
  /** Snapshots kept, of all sessions. */
  readonly snapshots: number;
  /** Why it can't be written at the moment; empty when all is well. */
  readonly alarm: string;
  /** Seconds between checkpoints of a session that trains. */
  readonly checkpointEverySeconds: number;
}

/** Memory that is set aside before it is used. */
export interface MemoryInfo {
  readonly usedBytes: number;
  readonly limitBytes: number;
}

export interface AbsentEngine {
  readonly name: string;
  /** Why it is not there, for people. */
  readonly reason: string;
}

/** How fast an engine was found to be. */
export interface EngineTiming {
  readonly modulus: number;
  readonly width: number;
  /** Of one session that has the device to itself. */
  readonly stepsPerSecond: number;
  /** So many sessions that were timed side by side, and the steps a second of all of them together. */
  readonly cohort?: { readonly sessions: number; readonly stepsPerSecond: number };
}

export interface EngineInfo {
  readonly name: string;
  /** Build or back end of the engine, e.g. addon or wasm. */
  readonly variant: string;
  /** For people. */
  readonly device: string;
  /** Instruction set or back end, e.g. avx512. */
  readonly isa: string;
  /** Of the CPU; 0 of an engine that computes elsewhere. */
  readonly threads: number;
  /** Sessions that it trains side by side at full speed. */
  readonly parts: number;
  /** Of its arithmetic, e.g. float32. */
  readonly precision: string;
  /** Whether equal specs give equal bits. */
  readonly deterministic: boolean;
  /** Why a faster variant is not used; empty when it is. */
  readonly fallbackReason: string;
  /** Of the device's own; absent: its sessions take the server's. */
  readonly memory?: MemoryInfo;
  /** By which sessions without a wish get their engine, from small networks to large ones; empty where there is nothing to choose. */
  readonly timings: readonly EngineTiming[];
}

/** Bounds that the server enforces. */
export interface Limits {
  /** Sessions at a time. */
  readonly maxSessions: number;
  /** Calls that may wait for their turn on one session. */
  readonly maxQueuedCommands: number;
  readonly maxSnapshotsPerSession: number;
  /** Progress points retained a session. */
  readonly retainedProgressPoints: number;
  /** Sweeps at a time, finished ones among them. */
  readonly maxSweeps: number;
  /** Runs of one sweep: its cells with every seed. */
  readonly maxSweepRuns: number;
  readonly maxMessageBytes: number;
  readonly maxUploadBytes: number;
  /** Of a unary call that has no deadline. */
  readonly defaultDeadlineSeconds: number;
}

export interface PresetInfo {
  readonly name: string;
  readonly description: string;
  /** Steps of the published run. */
  readonly steps: number;
}

export function fromServerInfo(message: GetServerInfoResponse): ServerInfo {
  const { version, uptimeSeconds, runtime, limits, storage } = message;
  if (limits === undefined) throw badAnswer("the server left out its limits");
  return {
    version,
    engines: message.engines.map(fromEngine),
    absentEngines: message.absentEngines.map(({ name, reason }) => ({ name, reason })),
    limits: {
      maxSessions: limits.maxSessions,
      maxQueuedCommands: limits.maxQueuedCommands,
      maxSnapshotsPerSession: limits.maxSnapshotsPerSession,
      retainedProgressPoints: limits.retainedProgressPoints,
      maxSweeps: limits.maxSweeps,
      maxSweepRuns: limits.maxSweepRuns,
      maxMessageBytes: limits.maxMessageBytes,
      maxUploadBytes: fromUint64(limits.maxUploadBytes),
      defaultDeadlineSeconds: limits.defaultDeadlineSeconds,
    },
    uptimeSeconds,
    runtime,
    presets: message.presets.map(({ name, description, steps }) => ({
      name,
      description,
      steps: fromUint64(steps),
    })),
    ...defined({ storage: storage && fromStorage(storage), memory: fromMemory(message.memory) }),
  };
}

function fromStorage({
  durable,
  bytes,
  snapshots,
  alarm,
  checkpointEverySeconds,
}: StorageMessage): StorageInfo {
  return {
    durable,
    bytes: fromUint64(bytes),
    snapshots: fromUint64(snapshots),
    alarm,
    checkpointEverySeconds,
  };
}

function fromEngine(message: EngineMessage): EngineInfo {
  const { name, variant, device, isa, threads, parts, precision, deterministic, fallbackReason } = message;
  return {
    ...{ name, variant, device, isa, threads, parts, precision, deterministic, fallbackReason },
    timings: message.timings.map(fromTiming),
    ...defined({ memory: fromMemory(message.memory) }),
  };
}

function fromMemory(message: MemoryMessage | undefined): MemoryInfo | undefined {
  return message && { usedBytes: fromUint64(message.usedBytes), limitBytes: fromUint64(message.limitBytes) };
}

function fromTiming({
  modulus,
  width,
  stepsPerSecond,
  cohort,
  cohortStepsPerSecond,
}: TimingMessage): EngineTiming {
  const together = cohort === 0 ? undefined : { sessions: cohort, stepsPerSecond: cohortStepsPerSecond };
  return { modulus, width, stepsPerSecond, ...defined({ cohort: together }) };
}
