import type { FigureError } from "@grokbox/figures";
import type { GrokboxError, Reason } from "@grokbox/sdk";
import { exitCodeOf, exitCodes } from "./exit-code.ts";
import { extraMeasures, measureOf } from "./measures.ts";
import { idOf } from "./session-name.ts";
import { FileRefusal } from "./sweep-file/refusal.ts";
import { Interruption } from "./world.ts";

/** What to tell about something that went wrong. */
export interface Failure {
  readonly exitCode: number;
  /** The gRPC code's name; `USAGE`, `INTERRUPTED` and `FAILED` for what no call failed with. */
  readonly code: string;
  readonly reason: string;
  readonly message: string;
  readonly violations: readonly { readonly field: string; readonly description: string }[];
  /** The violations' fields come from flags of the command line. */
  readonly hasFlags: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  /** What to do next; for people. */
  readonly hint: string | undefined;
}

/** A command line that can't be understood. */
export function usageFailure(message: string, command: string | undefined): Failure {
  const help = command === undefined ? "grokbox --help" : `grokbox ${command} --help`;
  return { ...bare("USAGE", message), exitCode: exitCodes.usage, hint: `See: ${help}` };
}

/** @param command - that was under way, for the hint */
export function failureOf(error: unknown, interrupt: AbortSignal, command: string | undefined): Failure {
  const cause = interrupt.aborted ? interrupt.reason : error;
  if (cause instanceof Interruption) {
    return { ...bare("INTERRUPTED", "interrupted"), exitCode: cause.exitCode };
  }
  if (isGrokboxError(error)) {
    const { code, reason, violations, metadata } = error;
    return {
      exitCode: exitCodeOf(error),
      code,
      reason,
      hasFlags: true,
      message: violations.length > 0 ? "this was refused" : shortened(error.rawMessage),
      violations,
      metadata,
      hint: hintFor(error, command),
    };
  }
  if (error instanceof FileRefusal) {
    const { violations } = error;
    return { ...failureOf(error.cause, interrupt, command), violations, hasFlags: false };
  }
  const message = error instanceof Error ? error.message : String(error);
  if (isFigureError(error)) {
    if (error.kind === "invalid") return usageFailure(message, command);
    if (error.kind === "not-found") return absentSnapshot(message);
    return unready(message, command);
  }
  return bare("FAILED", message);
}

/** One line, then every field that is wrong on its own, then what to do. */
export function describe({ message, violations, hasFlags, hint }: Failure): string[] {
  return [
    `grokbox: ${message}${violations.length > 0 ? ":" : ""}`,
    ...violations.map(
      ({ field, description }) => `  ${hasFlags ? flagOf(field) : field} ${withMeasures(description)}`,
    ),
    ...(hint === undefined ? [] : [hint]),
  ];
}

/** What `--json` prints on stderr. */
export function toJson({ code, reason, message, violations, metadata }: Failure): object {
  return { error: { code, reason, message, violations, metadata } };
}

/** As the server tells of one. */
function absentSnapshot(message: string): Failure {
  return { ...bare("NOT_FOUND", message), reason: "SNAPSHOT_NOT_FOUND", exitCode: exitCodes.notFound };
}

/** As the server tells of one that has not come so far. */
function unready(message: string, command: string | undefined): Failure {
  const reason = command === "sweep-figure" ? "SWEEP_STATE" : "SESSION_STATE";
  return { ...bare("FAILED_PRECONDITION", message), reason, exitCode: exitCodes.state };
}

function bare(code: string, message: string): Failure {
  return {
    exitCode: exitCodes.failure,
    code,
    reason: code,
    message,
    violations: [],
    hasFlags: false,
    metadata: {},
    hint: undefined,
  };
}

/** By its name: the class itself is loaded only when there is a call to make. */
export function isGrokboxError(error: unknown): error is GrokboxError {
  return error instanceof Error && error.name === "GrokboxError";
}

/** By its name as well. */
function isFigureError(error: unknown): error is FigureError {
  return error instanceof Error && error.name === "FigureError";
}

/** Of a failure to connect, who refused whom how often says nothing more than its kind. */
function shortened(message: string): string {
  const [, claim, kind] = /^(no grokbox server answers at \S+?): .*\b(E[A-Z]{5,})\b/.exec(message) ?? [];
  return claim === undefined ? message : `${claim} (${kind})`;
}

/** How a session comes to the measures that it was refused a condition for; the flags are all that it is to have. */
function measuresHint({ violations }: GrokboxError): string | undefined {
  const lacking = violations.flatMap(({ field, description }) => {
    if (!/\.(?:threshold|when)\.measure$/.test(field)) return [];
    const [, id, name = ""] =
      /\bsessions\/([a-z0-9-]+) has\b.* got (\w+)$/.exec(withMeasures(description)) ?? [];
    return id !== undefined && measureOf(name, extraMeasures) !== undefined ? [{ id, name }] : [];
  });
  if (lacking.length === 0) return undefined;
  const flags = [...new Set(lacking.map(({ name }) => ` --measure ${name}`))].join("");
  return `Have it measured, with what is to stay: grokbox measures ${lacking[0]!.id}${flags}`;
}

function hintFor(error: GrokboxError, command: string | undefined): string | undefined {
  const { metadata } = error;
  const id = idOf(metadata.session ?? "ID");
  const hints: Partial<Record<Reason | (string & {}), string | undefined>> = {
    UNAVAILABLE: "Start one with: grokbox serve   or name another: --server HOST:PORT, GROKBOX_SERVER",
    INVALID_FIELD:
      measuresHint(error) ?? (command === undefined ? undefined : `See: grokbox ${command} --help`),
    SESSION_NOT_FOUND: "See which there are: grokbox list",
    SWEEP_NOT_FOUND: "See which there are: grokbox sweeps",
    SWEEP_STATE: "See how they are: grokbox sweeps",
    TOO_MANY_SWEEPS: "Make room: grokbox sweeps, grokbox sweep-delete ID",
    SESSION_IN_SWEEP: `Pause or cancel its sweep, or fork it: grokbox fork ${id}`,
    SNAPSHOT_NOT_FOUND: `See which there are: grokbox snapshots ${idOf(metadata.snapshot ?? "ID").replace(/@.*/, "")}`,
    SNAPSHOT_EXISTS: `Make room for it: grokbox delete ${idOf(metadata.snapshot ?? "ID@STEP")}`,
    SNAPSHOT_IN_USE: `End its measures first: grokbox measures ${idOf(metadata.snapshot ?? "ID").replace(/@.*/, "")} --none`,
    SNAPSHOT_CORRUPT: "On the server's machine, see what else is damaged: grokbox doctor",
    STORAGE_FULL: "Make room on the server's disk: grokbox snapshots ID, grokbox delete ID@STEP",
    SESSION_STATE:
      metadata.state?.toLowerCase().includes("running") === true
        ? `It runs. Pause it first: grokbox pause ${id}   or look on: grokbox watch ${id}`
        : `See how it is: grokbox show ${id}`,
    STEP_MISMATCH: `Somebody else trained it. See how it is: grokbox show ${id}`,
    SESSION_DELETED: "See which there are: grokbox list",
    // Of one that was not made there is nothing to look at.
    DIVERGED:
      metadata.session === undefined
        ? undefined
        : `Look at its last good step: grokbox show ${id}   or go on under another activation: grokbox swap ${id} abs`,
    TOO_MANY_SESSIONS: "Make room: grokbox list, grokbox delete ID",
    OUT_OF_MEMORY: "Make room: grokbox list, grokbox delete ID",
    ENGINE_ABSENT: "See which there are: grokbox info   or go on elsewhere: grokbox move ID --engine E",
    DEVICE_LOST: "Try again, or go on elsewhere: grokbox move ID --engine cpu",
    DEADLINE_EXCEEDED: "Allow it more time: --timeout SECONDS",
  };
  return hints[error.reason] ?? hints[error.code];
}

/** Measures by the names that people give them: `ipr_theta` for the request's `MEASURE_IPR_THETA`. */
function withMeasures(description: string): string {
  return description.replaceAll(/\bMEASURE_([A-Z_]+)/g, (_, name: string) => name.toLowerCase());
}

/** The flag that a field of a request comes from, with the field, so that both can be looked up. */
function flagOf(field: string): string {
  // A fork's changes are the flags of a start.
  const own = field.replace(/^(?:triggers\[\d+\]\.fork\.)?changes\./, "");
  const flag = flags.find(([pattern]) => pattern.test(own))?.[1];
  if (flag === undefined) return field;
  return /^--/.test(flag) ? `${flag} (${field})` : flag;
}

const flags: readonly (readonly [RegExp, string])[] = [
  [/^spec\.modulus$/, "--modulus"],
  [/^spec\.width$/, "--width"],
  [/^spec\.activation$/, "--activation"],
  [/^spec\.task$/, "--task"],
  [/^spec\.init\..*scale$/, "--init-scale"],
  [/^spec\.init/, "--init"],
  [/^spec\.optimizer\..*learning_rate$/, "--lr"],
  [/^spec\.optimizer\..*weight_decay$/, "--weight-decay"],
  [/^spec\.optimizer\..*grokfast\.alpha$/, "--grokfast-alpha"],
  [/^spec\.optimizer\..*grokfast/, "--grokfast"],
  [/^spec\.optimizer/, "--optimizer"],
  [/^spec\.embedding/, "--embedding"],
  [/^spec\.schedule/, "--warmup-steps"],
  [/^spec\.split\..*fraction$/, "--train-fraction"],
  [/^spec\.split/, "--split"],
  [/^spec\.seed$/, "--seed"],
  [/^preset$/, "--preset"],
  [/^remove_frequencies/, "--remove-frequencies"],
  [/^keep_frequencies/, "--keep-frequencies"],
  [/^snapshot_schedule\.every_steps$/, "--snapshot-every"],
  [/^snapshot_schedule\.at_steps/, "--snapshot-at"],
  [/^snapshot_schedule\.retain$/, "--retain"],
  [/^measure_schedule/, "--measure"],
  [/^triggers\[\d+\]\.name$/, "--add"],
  [/^triggers\[\d+\]\.when/, "--when"],
  [/^triggers\[\d+\]\.snapshot\.label$/, "--snapshot-label"],
  [/^triggers\[\d+\]\.fork\.labels/, "--label"],
  [/^triggers\[\d+\]\.fork\.run_until_step$/, "--until"],
  [/^(set_labels|remove_labels)/, "LABELS"],
  [/^file\b/, "--weights"],
  [/^source$/, "SESSION"],
  [/^labels?\b/, "--label"],
  [/^engine$/, "--engine"],
  [/^snapshot$/, "--at or --from"],
  [/^record_every$|^plan\.record_every$/, "--record-every"],
  [/^plan\.until_step$/, "--until"],
  [/^plan\.stop_when/, "--stop-when"],
  [/^plan\.snapshot_at/, "--snapshot-at"],
  [/^plan\.record_at/, "--record-at"],
  [/^expected_step$/, "--expected-step"],
  [/^address$/, "--server"],
  [/^deadlineMs$/, "--timeout"],
  [/^(first_neuron|neuron_count|neurons(\[\d+\])?)$/, "--neurons"],
  [/^begin$/, "--begin"],
  [/^ablations\[\d+\]\.remove_frequencies/, "--remove-frequencies"],
  [/^ablations\[\d+\]\.keep_frequencies/, "--keep-frequencies"],
  [/^ablations\[\d+\]\.remove_neurons/, "--remove-neurons"],
  [/^ablations\[\d+\]\.keep_neurons/, "--keep-neurons"],
  [/^ablations\[\d+\]\.spread_phases/, "--spread-phases"],
  [/^ablations\[\d+\]\.scale\.theta$/, "--scale-theta"],
  [/^ablations\[\d+\]\.scale\.xi$/, "--scale-xi"],
  [/^(session|name)$/, "SESSION"],
  [/^steps$/, "STEPS"],
  [/^activation$/, "--activation"],
  [/^activations/, "ACTIVATION"],
];
