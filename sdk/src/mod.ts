/**
 * The typed client of the grokbox training server: `Grokbox.connect` is where to begin.
 *
 * @module
 */

export type { BackoffOptions } from "./backoff.ts";
export type { Code } from "./code.ts";
export type { ConnectionOptions } from "./connection.ts";
export type { CallOptions } from "./deadline.ts";
export type { DownloadedSnapshot } from "./download.ts";
export { type FieldViolation, GrokboxError, isReason, type Reason } from "./error.ts";
export type { ActivationScores, Evaluation } from "./evaluation.ts";
export { type ConnectOptions, Grokbox, type ListOptions } from "./grokbox.ts";
export type { ProgressEvent, ProgressGap, ProgressReset } from "./progress-event.ts";
export type { ProgressPoint, Stage } from "./progress-point.ts";
export type { Run, RunPoint } from "./run.ts";
export type { Measure, Plateau, RunPlan, RunPlanUnderWay, StopCondition } from "./run-plan.ts";
export type { ClassAccuracy, Scores } from "./scores.ts";
export type { EngineInfo, Limits, PresetInfo, ServerInfo } from "./server-info.ts";
export type { At, ExpectedStep, RunOptions, Session, SpectrumOptions } from "./session.ts";
export type {
  PairCounts,
  SessionEvent,
  SessionInfo,
  SessionState,
  Stages,
  StopReason,
} from "./session-info.ts";
export type { Snapshot } from "./snapshot.ts";
export type { Activation, Init, Optimizer, Schedule, Spec, Split, Task } from "./spec.ts";
export type { InitInput, OptimizerInput, PresetName, SpecInput, SplitInput } from "./spec-input.ts";
export type { LayerSpectrum, MeanAndSpread, NeuronRange, Spectrum } from "./spectrum.ts";
export type { StartOptions } from "./start.ts";
export type { Tensor } from "./tensor.ts";
export type { Upload } from "./upload.ts";
export type { WatchOptions } from "./watch.ts";
export type { Moments, Weights } from "./weights.ts";
