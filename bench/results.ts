import type { AnalysisSpeed } from "./analysis.ts";
import type { AutoChoice } from "./auto.ts";
import type { CohortServerSpeed, CohortSpeed } from "./cohort.ts";
import type { CostGrowth } from "./cost.ts";
import type { DurabilitySpeed } from "./durability.ts";
import type { EngineSpeed } from "./engine-speed.ts";
import type { LiveSpeed } from "./live.ts";
import type { Machine } from "./machine.ts";
import type { PeerChoice } from "./peers/best-peer.ts";
import type { RecordingCost } from "./recording.ts";
import type { ServiceSpeed } from "./service.ts";
import type { StackSpeed } from "./stack.ts";
import type { SweepSpeed } from "./sweep.ts";
import type { TensorflowSpeed } from "./tensorflow.ts";

/** All that `npm run bench` measured: what `--json` prints. Parts that were not asked for are empty or null. */
export interface Results {
  readonly machine: Machine;
  /** When it ended, ISO 8601. */
  readonly date: string;
  readonly command: string;
  readonly rows: readonly EngineSpeed[];
  /** Which peer was taken for each shape and number of threads, and what else was tried. */
  readonly peers: readonly PeerChoice[];
  readonly cohort: readonly (CohortSpeed | CohortServerSpeed)[];
  readonly cost: readonly CostGrowth[];
  readonly recording: readonly RecordingCost[];
  readonly sweep: readonly SweepSpeed[];
  readonly stack: readonly StackSpeed[];
  readonly service: ServiceSpeed | null;
  readonly live: LiveSpeed | null;
  readonly analysis: readonly AnalysisSpeed[];
  readonly durability: DurabilitySpeed | null;
  readonly tensorflow: readonly TensorflowSpeed[];
  readonly auto: readonly AutoChoice[];
}

export const parts = [
  "engine",
  "cohort",
  "cost",
  "recording",
  "sweep",
  "stack",
  "service",
  "live",
  "analysis",
  "durability",
] as const;

/** Measured only when asked for. */
export const extraParts = ["tensorflow", "auto"] as const;

export type Part = (typeof parts)[number] | (typeof extraParts)[number];
