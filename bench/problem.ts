import type { Problem, TrainerState } from "../server/engine/engine.ts";
import { initialState } from "../server/model/initial-state.ts";
import { pairClasses } from "../server/model/pair-class.ts";
import { completeSpec } from "../server/model/presets.ts";
import type { Spec } from "../server/model/spec.ts";
import { labels } from "../server/model/task.ts";
import type { Shape } from "./engine-speed.ts";

export interface Posed {
  readonly problem: Problem;
  readonly state: TrainerState;
}

/** The paper's standard run (all pairs, relu, AdamW) at another size. */
export function standardProblem({ p, width }: Shape): Posed {
  return posed(completeSpec({ modulus: p, width }));
}

/** A published run from another seed. */
export function presetProblem(preset: string, seed: number): Posed {
  return posed(completeSpec({ seed }, preset));
}

export function posed(spec: Spec): Posed {
  const { theta, xi, factors, train } = initialState(spec);
  const { modulus, width, activation, optimizer, schedule, task, embedding } = spec;
  const problem = {
    modulus,
    width,
    activation,
    optimizer,
    schedule,
    labels: labels(task, modulus),
    classes: pairClasses(train, modulus),
    ...(embedding && { embedding }),
  };
  return { problem, state: { step: 0, theta, xi, ...(factors && { factors }) } };
}
