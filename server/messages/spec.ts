import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type InitSchema,
  type OptimizerSchema,
  type Spec as SpecMessage,
  type SpecSchema,
  type SplitSchema,
  Task as TaskMessage,
} from "@grokbox/proto/spec";
import { completeSpec, overlay } from "../model/presets.ts";
import type { Spec, Task } from "../model/spec.ts";
import type { InitInput, OptimizerInput, SpecInput, SplitInput } from "../model/spec-input.ts";
import { specViolations } from "../model/spec-rules.ts";
import type { Checks } from "./checks.ts";
import { defined } from "./defined.ts";

const tasks: Readonly<Record<Task, TaskMessage>> = {
  add: TaskMessage.ADD,
  subtract: TaskMessage.SUBTRACT,
  "x^2+xy+y^2": TaskMessage.QUADRATIC_FORM,
};

/** The complete spec of a preset (or the defaults), or another base, with a request's changes, checked. */
export function parseSpec(
  checks: Checks,
  message: SpecMessage | undefined,
  base: string | undefined | Spec,
): Spec {
  const input = specInput(checks, message);
  const spec = typeof base === "object" ? overlay(base, input) : completeSpec(input, base);
  checks.add(
    specViolations(spec).map(({ field, description }) => ({ field: protoPath(field, spec), description })),
  );
  return spec;
}

/** What a request says of a spec, not yet checked as a whole. */
export function specInput(checks: Checks, message: SpecMessage | undefined): SpecInput {
  if (message === undefined) return {};
  return {
    modulus: message.modulus,
    width: message.width,
    activation: message.activation,
    task: taskInput(checks, message.task),
    init: initInput(checks, message.init),
    optimizer: optimizerInput(message.optimizer),
    schedule: { warmupSteps: message.schedule?.warmupSteps },
    split: splitInput(message.split),
    seed: message.seed,
    embedding: message.embedding && { dimension: message.embedding.dimension },
  };
}

function taskInput(checks: Checks, task: TaskMessage | undefined): Task | undefined {
  if (task === undefined || task === TaskMessage.UNSPECIFIED) return undefined;
  const found = (Object.keys(tasks) as Task[]).find((name) => tasks[name] === task);
  if (found === undefined)
    checks.fail("spec.task", "must be TASK_ADD, TASK_SUBTRACT or TASK_QUADRATIC_FORM", task);
  return found;
}

function initInput(checks: Checks, init: SpecMessage["init"]): InitInput {
  switch (init?.kind.case) {
    case "random":
      return { kind: "random", scale: init.kind.value.scale };
    case "singleFrequency":
      return { kind: "single-frequency", scale: init.kind.value.scale };
    case "uploaded":
      checks.fail(
        "spec.init.uploaded",
        "must be left out; give upload or snapshot to start from other weights",
      );
      return {};
    default:
      return {};
  }
}

function optimizerInput(optimizer: SpecMessage["optimizer"]): OptimizerInput {
  if (optimizer?.kind.case === undefined) return {};
  const { grokfast, ...values } = withoutType(optimizer.kind.value);
  return { kind: optimizer.kind.case, ...values, grokfast: grokfast && withoutType(grokfast) };
}

function splitInput(split: SpecMessage["split"]): SplitInput {
  switch (split?.kind.case) {
    case "explicit":
      return { kind: "explicit", trainPairs: split.kind.value.trainPairs };
    case "torch":
    case "python":
      return { kind: split.kind.case, fraction: split.kind.value.fraction };
    default:
      return {};
  }
}

function withoutType<T extends { $typeName: string }>({ $typeName, ...fields }: T): Omit<T, "$typeName"> {
  return fields;
}

/** `optimizer.learningRate` of a spec with AdamW is `spec.optimizer.adamw.learning_rate` in the request. */
export function protoPath(field: string, spec: Spec): string {
  const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const [first, ...rest] = field.split(".");
  const kinds: Record<string, string> = {
    optimizer: spec.optimizer.kind,
    init: spec.init.kind.replaceAll("-", "_"),
    split: spec.split.kind,
  };
  const kind = rest.length > 0 && rest[0] !== "kind" ? kinds[first!] : undefined;
  return ["spec", first!, ...(kind === undefined ? [] : [kind]), ...rest].map(snake).join(".");
}

/** A spec with every field present. */
export function specMessage(spec: Spec): MessageInitShape<typeof SpecSchema> {
  return {
    modulus: spec.modulus,
    width: spec.width,
    activation: spec.activation,
    task: tasks[spec.task],
    init: initMessage(spec),
    optimizer: optimizerMessage(spec),
    schedule: { warmupSteps: spec.schedule.warmupSteps },
    split: splitMessage(spec),
    seed: spec.seed,
    ...defined({ embedding: spec.embedding }),
  };
}

/** A part of a spec, as it was asked for. */
export function specInputMessage({
  activation,
  optimizer,
  schedule,
  split,
}: Pick<SpecInput, "activation" | "optimizer" | "schedule" | "split">): MessageInitShape<typeof SpecSchema> {
  return {
    ...defined({ activation, schedule }),
    ...(optimizer?.kind === undefined ? {} : { optimizer: optimizerMessage({ optimizer } as Spec) }),
    ...(split?.kind === undefined ? {} : { split: splitMessage({ split } as Spec) }),
  };
}

/** A spec as it was asked for: what was left out is. */
export function looseSpecMessage(input: SpecInput): MessageInitShape<typeof SpecSchema> {
  const { modulus, width, task, seed, init, embedding } = input;
  return {
    ...(specInputMessage(input) as object),
    ...defined({ modulus, width, seed, embedding }),
    ...(task === undefined ? {} : { task: tasks[task as Task] }),
    ...(init?.kind === undefined ? {} : { init: initMessage({ init } as Spec) }),
  };
}

function initMessage({ init }: Pick<Spec, "init">): MessageInitShape<typeof InitSchema> {
  switch (init.kind) {
    case "random":
      return { kind: { case: "random", value: { scale: init.scale } } };
    case "single-frequency":
      return { kind: { case: "singleFrequency", value: { scale: init.scale } } };
    case "uploaded":
      return { kind: { case: "uploaded", value: {} } };
  }
}

function optimizerMessage({
  optimizer: { kind, ...values },
}: Spec): MessageInitShape<typeof OptimizerSchema> {
  return { kind: { case: kind, value: values } };
}

function splitMessage({ split }: Spec): MessageInitShape<typeof SplitSchema> {
  return split.kind === "explicit"
    ? { kind: { case: "explicit", value: { trainPairs: split.trainPairs as number[] } } }
    : { kind: { case: split.kind, value: { fraction: split.fraction } } };
}
