import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  SweepAxis as AxisMessage,
  SweepDefinition as DefinitionMessage,
  SweepDefinitionSchema,
} from "@grokbox/proto/sweep";
import { parseActivation } from "../model/activation.ts";
import { completeSpec, presets } from "../model/presets.ts";
import type { SpecInput } from "../model/spec-input.ts";
import { type Axis, type Cells, groupCount, namedParameters, type SpecSource } from "../model/sweep-grid.ts";
import { GrokboxError } from "../sessions/errors.ts";
import { isExtra } from "../sessions/extra-measures.ts";
import type { Limits } from "../sessions/limits.ts";
import { checkPlan, inOrder } from "../sessions/plan.ts";
import { enumName } from "../sessions/stop-conditions.ts";
import {
  defaultParallel,
  mostParallel,
  mostSeeds,
  recordCount,
  type SweepDefinition,
} from "../sessions/sweeps/definition.ts";
import type { SweepLimits } from "../sessions/sweeps/sweeps.ts";
import type { Checks } from "./checks.ts";
import { parsePlan, planMessage } from "./plan.ts";
import { looseSpecMessage, protoPath, specInput } from "./spec.ts";
import { parameterNumber, parseParameter } from "./sweep-parameter.ts";

const mostSpecs = 10_000;
const mostValues = 1_000;
const mostNameCharacters = 64;
const defaultRecordEvery = 100;

/** What a sweep is to do, but for whether its cells are specs; fields are named within the definition. */
export function parseDefinition(
  checks: Checks,
  message: DefinitionMessage,
  { retainedProgressPoints, maxSweepRuns }: Pick<Limits, "retainedProgressPoints"> & SweepLimits,
): SweepDefinition {
  const { title, engine, keepSessions, refuseInvalid } = message;
  checks.text("title", title);
  const labels = checks.labels("labels", message.labels);
  const cells = parseCells(checks, message);
  const seeds = parseSeeds(checks, message.seeds);
  const runs = groupCount(cells) * seeds.length;
  if (runs > maxSweepRuns) {
    const field = cells.kind === "grid" ? "grid.axes" : "list.specs";
    checks.fail(field, `must make at most ${maxSweepRuns} runs with the seeds`, runs);
  }
  return {
    ...{ cells, seeds, title, labels, keepSessions, refuseInvalid },
    plan: parseSweepPlan(checks, message, retainedProgressPoints),
    engine: engine === "auto" ? "" : engine,
    maxParallel: checks.integer("max_parallel", message.maxParallel, 1, mostParallel, defaultParallel),
  };
}

function parseCells(checks: Checks, { cells }: DefinitionMessage): Cells {
  if (cells.case === "list") {
    const { specs } = cells.value;
    if (specs.length < 1 || specs.length > mostSpecs)
      checks.fail("list.specs", `must be 1 to ${mostSpecs}`, specs.length);
    return {
      kind: "list",
      specs: specs
        .slice(0, mostSpecs)
        .map(({ preset, spec }, i) => parseSource(checks, `list.specs[${i}]`, "spec", preset, spec)),
    };
  }
  if (cells.case !== "grid") checks.fail("grid", "must be given, or list");
  const { preset = "", base, axes = [] } = cells.case === "grid" ? cells.value : {};
  return {
    kind: "grid",
    base: parseSource(checks, "grid", "base", preset, base),
    axes: parseAxes(checks, axes),
  };
}

function parseSource(
  checks: Checks,
  field: string,
  specField: string,
  preset: string,
  spec: Parameters<typeof specInput>[1],
): SpecSource {
  const known = preset === "" || Object.hasOwn(presets, preset);
  if (!known)
    checks.fail(`${field}.preset`, `must be empty or one of ${Object.keys(presets).join(", ")}`, preset);
  if (spec?.seed !== undefined)
    checks.fail(`${field}.${specField}.seed`, "must be left out; seeds has them", spec.seed);
  const rename = (inner: string) => `${field}.${inner.replace(/^spec/, specField)}`;
  const input = checks.part(rename, (part) => {
    const parsed = specInput(part, spec);
    checkFinite(part, parsed);
    return parsed;
  });
  return { preset: known ? preset : "", input };
}

/** JSON, as which a sweep is stored, has no number that is not finite: it would come back as left out. */
function checkFinite(checks: Checks, input: SpecInput): void {
  const check = (part: object, path: string) => {
    for (const [name, value] of Object.entries(part)) {
      const field = `${path}${name}`;
      if (typeof value === "number" && !Number.isFinite(value))
        checks.fail(protoPath(field, completeSpec(input)), "must be finite", value);
      // What is in lists are integers.
      else if (typeof value === "object" && value !== null && !Array.isArray(value))
        check(value, `${field}.`);
    }
  };
  check(input, "");
}

function parseAxes(checks: Checks, axes: readonly AxisMessage[]): Axis[] {
  const seen = new Set<string>();
  return axes.flatMap((axis, i) => {
    const field = `grid.axes[${i}]`;
    const parameter = parseParameter(axis.parameter);
    if (parameter === undefined) {
      checks.fail(`${field}.parameter`, "must be one of the parameters", axis.parameter);
      return [];
    }
    if (seen.has(parameter)) checks.fail(`${field}.parameter`, "must be there once", apiNameOf(parameter));
    seen.add(parameter);
    const isNamed = namedParameters.includes(parameter);
    const [used, unused] = isNamed ? (["names", "values"] as const) : (["values", "names"] as const);
    if (axis[unused].length > 0)
      checks.fail(`${field}.${unused}`, `must be left out: ${apiNameOf(parameter)} has ${used}`);
    const values: readonly (number | string)[] = isNamed
      ? axis.names.map((name) => parseActivation(name) ?? name)
      : axis.values;
    if (values.length < 1 || values.length > mostValues)
      checks.fail(`${field}.${used}`, `must be 1 to ${mostValues}`, values.length);
    checkDifferent(checks, `${field}.${used}`, values);
    checkValues(checks, `${field}.${used}`, values);
    return [{ parameter, values: values.slice(0, mostValues) }];
  });
}

/** What can't be stored as it is, or every run that has it would repeat at length; of several the first one. */
function checkValues(checks: Checks, field: string, values: readonly (number | string)[]): void {
  const wrong = values.findIndex((value) => flawOf(value) !== undefined);
  if (wrong >= 0) checks.fail(`${field}[${wrong}]`, flawOf(values[wrong]!)!, values[wrong]);
}

function flawOf(value: number | string): string | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? undefined : "must be finite";
  const isLong = [...value].length > mostNameCharacters;
  return isLong ? `must be at most ${mostNameCharacters} characters` : undefined;
}

function parseSeeds(checks: Checks, seeds: readonly number[]): readonly number[] {
  if (seeds.length > mostSeeds) checks.fail("seeds", `must be at most ${mostSeeds}`, seeds.length);
  checkDifferent(checks, "seeds", seeds);
  return seeds.length === 0 ? [42] : seeds.slice(0, mostSeeds);
}

function checkDifferent(checks: Checks, field: string, values: readonly (number | string)[]): void {
  const first = new Map<number | string, number>();
  for (const [i, value] of values.entries()) {
    const before = first.get(value);
    first.set(value, before ?? i);
    if (before === undefined) continue;
    checks.fail(`${field}[${i}]`, `must differ from ${field}[${before}]`, value);
    return;
  }
}

function parseSweepPlan(
  checks: Checks,
  { plan: message, recordEvery: every, keepSessions }: DefinitionMessage,
  retainedProgressPoints: number,
): SweepDefinition["plan"] {
  const recordEvery = checks.integer("record_every", every, 1, 1_000_000, defaultRecordEvery);
  const { untilStep = 1, ...rest } = parsePlan(checks, message, recordEvery);
  const asked = { ...rest, untilStep };
  if (message?.untilStep === undefined) checks.fail("plan.until_step", "must be given");
  else checkSteps(checks, asked);
  const plan = inOrder(asked);
  plan.stopWhen.forEach((condition, i) => {
    if (condition.kind === "plateau" || !isExtra(condition.measure)) return;
    const field = `plan.stop_when[${i}].threshold.measure`;
    checks.fail(field, `must be a measure that every point has; got ${enumName(condition.measure)}`);
  });
  if (plan.snapshotAt.length > 0 && !keepSessions)
    checks.fail("plan.snapshot_at", "must be empty unless keep_sessions: snapshots go with their session");
  const mostRecorded = Math.floor(0.9 * retainedProgressPoints);
  if (recordCount(plan) > mostRecorded) {
    checks.fail(
      "plan.until_step",
      `must make at most ${mostRecorded} recorded points; with a larger record_every they are fewer`,
      recordCount(plan),
    );
  }
  return plan;
}

/** Those of a plan that lie after its end. */
function checkSteps(checks: Checks, plan: SweepDefinition["plan"]): void {
  try {
    checkPlan(plan, 0);
  } catch (error) {
    if (!(error instanceof GrokboxError)) throw error;
    checks.add(error.violations);
  }
}

const apiNameOf = (parameter: string) => parameter.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

export function definitionMessage(
  definition: SweepDefinition,
): MessageInitShape<typeof SweepDefinitionSchema> {
  const { title, labels, cells, seeds, plan, maxParallel, keepSessions, refuseInvalid, engine } = definition;
  return {
    ...{ title, labels: { ...labels }, seeds: [...seeds], maxParallel, keepSessions, refuseInvalid, engine },
    cells:
      cells.kind === "grid"
        ? {
            case: "grid",
            value: {
              preset: cells.base.preset,
              base: looseSpecMessage(cells.base.input),
              axes: cells.axes.map(axisMessage),
            },
          }
        : {
            case: "list",
            value: {
              specs: cells.specs.map(({ preset, input }) => ({ preset, spec: looseSpecMessage(input) })),
            },
          },
    plan: planMessage(plan),
    recordEvery: plan.recordEvery,
  };
}

function axisMessage({ parameter, values }: Axis) {
  const isNamed = namedParameters.includes(parameter);
  return {
    parameter: parameterNumber(parameter),
    ...(isNamed ? { names: values.map(String) } : { values: values.map(Number) }),
  };
}
