import { SessionService } from "@grokbox/proto/session";
import { type Connection, longDeadlineMs, type PartOptions } from "./connection.ts";
import { type CallOptions, callKeys } from "./deadline.ts";
import { invalidField } from "./error.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import { type MeasureInput, toMeasureSchedule } from "./measure-schedule.ts";
import type { SafetensorsFile } from "./safetensors-file.ts";
import { fromSession, type SessionInfo } from "./session-info.ts";
import { type SnapshotSchedule, toSchedule } from "./snapshot-schedule.ts";
import { type SpecInput, specKeys, toSpec } from "./spec-input.ts";
import { type Upload, uploadWeights } from "./upload.ts";
import type { Weights } from "./weights.ts";

/** What a session is to start from; everything that is left out has its default. */
export interface StartOptions extends SpecInput, CallOptions {
  /** At most 64. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** @default the server's choice */
  readonly engine?: string | undefined;
  /** Steps between progress points, 1 to 1,000,000. @default 100 */
  readonly recordEvery?: number | undefined;
  /** Which snapshots to keep by itself. @default none */
  readonly snapshotSchedule?: SnapshotSchedule | undefined;
  /**
   * Which extra measures to take, and how often; and how often `ipr` and `meanAbsSinMisalignment`, which every point carries unless they
   * are here. @default no extra ones
   */
  readonly measures?: readonly MeasureInput[] | undefined;
  /**
   * Weights from outside: arrays or a safetensors file, to be uploaded, or an upload. The spec and the training pairs of a file are the
   * defaults for what is left out here.
   */
  readonly weights?: Weights | SafetensorsFile | Pick<Upload, "name"> | undefined;
  /**
   * A snapshot of any session, by its name or as `Session.snapshot` returned it: its weights, moments, step and spec. Excludes
   * everything of `SpecInput`.
   */
  readonly from?: string | { readonly name: string } | undefined;
}

const keys: Known<StartOptions> = {
  ...specKeys,
  labels: true,
  engine: true,
  recordEvery: true,
  snapshotSchedule: true,
  measures: true,
  weights: true,
  from: true,
  ...callKeys,
};

/** A deadline that is not given is 10 minutes when weights are to be uploaded. */
export async function startSession(connection: Connection, options: StartOptions): Promise<SessionInfo> {
  refuseUnknown(options, keys);
  const { preset = "", labels = {}, engine = "", recordEvery, snapshotSchedule, signal } = options;
  const source = sourceOf(options);
  const deadline = connection.deadline(options, source.weights && longDeadlineMs);
  const part = { signal, deadline };
  const request = {
    preset,
    spec: toSpec(options),
    labels: { ...labels },
    engine,
    recordEvery,
    snapshotSchedule: toSchedule(snapshotSchedule),
    measureSchedule: toMeasureSchedule(options.measures),
  };
  const { session } = await connection.mutate(
    SessionService.method.startSession,
    { ...request, weights: await toWeights(connection, source, part) },
    part,
  );
  return fromSession(session);
}

/** Where the weights come from, when the spec doesn't say it all. */
interface Source {
  readonly snapshot?: string;
  readonly upload?: string;
  /** Yet to be uploaded. */
  readonly weights?: Weights | SafetensorsFile;
}

function sourceOf({ weights, from }: StartOptions): Source {
  if (weights !== undefined && from !== undefined) {
    throw invalidField("weights", "must be left out with a snapshot to start from");
  }
  if (typeof from === "string") return { snapshot: from };
  if (from !== undefined) return { snapshot: nameOf(from, "from", "a snapshot, or its name") };
  if (weights === undefined) return {};
  // What was downloaded has the name of its snapshot besides its arrays.
  const isObject = typeof weights === "object" && weights !== null;
  if (isObject && ("theta" in weights || "safetensors" in weights)) return { weights };
  return { upload: nameOf(weights, "weights", "theta and xi, a safetensors file, or an upload") };
}

/** Without a name the session would begin elsewhere. */
function nameOf(source: { readonly name: string }, field: string, what: string): string {
  const name: unknown = source?.name;
  if (typeof name === "string") return name;
  throw invalidField(field, `must be ${what}`);
}

async function toWeights(connection: Connection, source: Source, part: PartOptions) {
  const { snapshot, upload, weights } = source;
  if (snapshot !== undefined) return { case: "snapshot" as const, value: snapshot };
  const name = weights === undefined ? upload : (await uploadWeights(connection, weights, part)).name;
  return name === undefined ? { case: undefined } : { case: "upload" as const, value: name };
}
