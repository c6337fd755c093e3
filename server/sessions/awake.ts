import type { Engine, Problem, Trainer, TrainerState } from "../engine/engine.ts";
import { pairClasses } from "../model/pair-class.ts";
import type { Spec } from "../model/spec.ts";
import { labels } from "../model/task.ts";
import { GrokboxError } from "./errors.ts";

/** What is resident of a network that is awake. */
export interface Awake {
  readonly trainer: Trainer;
  readonly problem: Problem;
  /** [p, p] mask of training pairs. */
  readonly train: Uint8Array;
}

/** Fails with DIVERGED when the loss of these weights is not finite, and with OUT_OF_MEMORY. */
export async function openTrainer(
  engine: Engine,
  spec: Spec,
  train: Uint8Array,
  state: TrainerState,
): Promise<Awake> {
  const problem: Problem = {
    modulus: spec.modulus,
    width: spec.width,
    activation: spec.activation,
    optimizer: spec.optimizer,
    schedule: spec.schedule,
    labels: labels(spec.task, spec.modulus),
    classes: pairClasses(train, spec.modulus),
  };
  const trainer = await engine.open(problem, state).catch((error: unknown) => {
    throw error instanceof RangeError ? new GrokboxError("OUT_OF_MEMORY", error.message) : error;
  });
  const { trainLoss, testLoss } = trainer.current;
  const hasTest = problem.classes.some((pairClass) => pairClass >= 2);
  if (Number.isFinite(trainLoss[0]!) && (!hasTest || Number.isFinite(testLoss[0]!)))
    return { trainer, problem, train };
  trainer.close();
  throw new GrokboxError(
    "DIVERGED",
    `the loss of these weights under ${problem.activation} is not finite at step ${state.step}; nothing was changed`,
    { step: state.step },
  );
}
