import type { Engine, EngineOption, Problem, Trainer, TrainerState } from "../engine/engine.ts";
import { pairClasses } from "../model/pair-class.ts";
import type { Spec } from "../model/spec.ts";
import { labels } from "../model/task.ts";
import { GrokboxError, invalid } from "./errors.ts";

const optionNames: Readonly<Record<EngineOption, string>> = {
  embedding: "learned embedding",
  grokfast: "Grokfast",
};

/** What is resident of a network that is awake. */
export interface Awake {
  readonly trainer: Trainer;
  readonly problem: Problem;
  /** [p, p] mask of training pairs. */
  readonly train: Uint8Array;
}

/**
 * Fails with INVALID_FIELD when the engine lacks an option, with DIVERGED when the loss of these weights is not finite, and with OUT_OF_MEMORY.
 *
 * @param session - whose it is to be, once there is one
 */
export async function openTrainer(
  engine: Engine,
  spec: Spec,
  train: Uint8Array,
  state: TrainerState,
  session?: string,
): Promise<Awake> {
  const lacking = lackedOptions(engine, spec);
  if (lacking.length > 0) {
    const what = lacking.map((option) => optionNames[option]).join(" and ");
    throw invalid([{ field: "engine", description: `must be another one: ${engine.name} has no ${what}` }]);
  }
  const problem: Problem = {
    modulus: spec.modulus,
    width: spec.width,
    activation: spec.activation,
    optimizer: spec.optimizer,
    schedule: spec.schedule,
    labels: labels(spec.task, spec.modulus),
    classes: pairClasses(train, spec.modulus),
    ...(spec.embedding && { embedding: spec.embedding }),
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
    { ...(session === undefined ? {} : { session }), step: state.step },
  );
}

/** What a network of this spec needs that the engine lacks. */
export function lackedOptions(
  { lacks = [] }: Pick<Engine, "lacks">,
  spec: Pick<Spec, "embedding" | "optimizer">,
): EngineOption[] {
  const needed: Record<EngineOption, boolean> = {
    embedding: spec.embedding !== undefined,
    grokfast: spec.optimizer.grokfast !== undefined,
  };
  return lacks.filter((option) => needed[option]);
}
