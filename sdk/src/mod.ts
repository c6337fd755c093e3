/**
 * The typed client of the grokbox training server: `Grokbox.connect` is where to begin.
 *
 * @module
 */

export type { AblateOptions, Ablation, AblationResult, IdealNetwork } from "./ablation.ts";
export type { BackoffOptions } from "./backoff.ts";
export type { Changes, ChangesInput } from "./changes.ts";
export type { Code } from "./code.ts";
export type { ConnectionOptions } from "./connection.ts";
export type { CallOptions } from "./deadline.ts";
export type { DownloadedSnapshot } from "./download.ts";
export type { Durability } from "./durability.ts";
export { type FieldViolation, GrokboxError, isReason, type Reason } from "./error.ts";
export type { ActivationScores, Evaluation, PairGrids } from "./evaluation.ts";
export type { ExportedFile } from "./exported-file.ts";
export type { ExtraMeasures } from "./extra-measures.ts";
export type { FileFormat } from "./file-format.ts";
export type {
  Flow,
  FlowMethod,
  FlowStart,
  NeuronFlowOptions,
  NeuronPoint,
  OutcomeContourOptions,
} from "./flow.ts";
export type { ForkOptions } from "./fork.ts";
export { type ConnectOptions, Grokbox, type ListOptions } from "./grokbox.ts";
export type { HistoryOptions } from "./history.ts";
export type { Lineage } from "./lineage.ts";
export type { Lottery, LotteryOptions, RaceStep } from "./lottery.ts";
export {
  type ExtraMeasure,
  extraMeasures,
  type Measure,
  measures,
  type SchedulableMeasure,
  schedulableMeasures,
} from "./measure.ts";
export type { MeasureInput, ScheduledMeasure } from "./measure-schedule.ts";
export type { ProgressEvent, ProgressGap, ProgressReset } from "./progress-event.ts";
export type { ProgressPoint, Stage } from "./progress-point.ts";
export type { Run, RunPoint } from "./run.ts";
export type { Plateau, RunPlan, RunPlanUnderWay, StopCondition } from "./run-plan.ts";
export type { SafetensorsFile } from "./safetensors-file.ts";
export type { ClassAccuracy, Scores } from "./scores.ts";
export type {
  AbsentEngine,
  EngineInfo,
  EngineTiming,
  Limits,
  MemoryInfo,
  PresetInfo,
  ServerInfo,
  StorageInfo,
} from "./server-info.ts";
export type { At, ExpectedStep, RunOptions, Session, SessionUpdate, SpectrumOptions } from "./session.ts";
export type { SessionEvent } from "./session-event.ts";
export type {
  PairCounts,
  SessionInfo,
  SessionState,
  Stages,
  StopReason,
} from "./session-info.ts";
export type { Snapshot, SnapshotKind, SnapshotsOptions } from "./snapshot.ts";
export type { SnapshotSchedule } from "./snapshot-schedule.ts";
export type {
  Activation,
  Embedding,
  Grokfast,
  Init,
  Optimizer,
  Schedule,
  Spec,
  Split,
  Task,
} from "./spec.ts";
export type {
  EmbeddingInput,
  GrokfastInput,
  InitInput,
  OptimizerInput,
  PresetName,
  ScheduleInput,
  SpecInput,
  SplitInput,
} from "./spec-input.ts";
export type { FrequencyGroup, LayerSpectrum, MeanAndSpread, NeuronRange, Spectrum } from "./spectrum.ts";
export type { StartOptions } from "./start.ts";
export type { Sweep } from "./sweep.ts";
export type { BandPoint, SweepBands, SweepBandsOptions } from "./sweep-bands.ts";
export type { SweepCounts, SweepDefinition, SweepInfo, SweepState } from "./sweep-info.ts";
export type { SweepGrid, SweepOptions, SweepSpec } from "./sweep-options.ts";
export { type Coordinates, type SweepParameter, sweepParameters } from "./sweep-parameter.ts";
export type { SweepOutcome, SweepRun } from "./sweep-run.ts";
export type { SweepEvent, SweepProgress, SweepWatchOptions } from "./sweep-watch.ts";
export type { Tensor } from "./tensor.ts";
export type { Threshold } from "./threshold.ts";
export type { ForkAction, Trigger, TriggerAction, TriggerActionInput, TriggerInput } from "./trigger.ts";
export type { Upload } from "./upload.ts";
export type {
  FrequencyVote,
  Logits,
  LogitsOptions,
  Pair,
  Voting,
  VotingTheory,
  WorstPair,
} from "./voting.ts";
export type { WatchOptions } from "./watch.ts";
export { type Wave, waves } from "./waves.ts";
export type { Averages, Factors, Moments, Weights } from "./weights.ts";
