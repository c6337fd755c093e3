import fc from "fast-check";
import { pairClasses } from "../../model/pair-class.ts";
import { activations, type Optimizer, type Task } from "../../model/spec.ts";
import { labels } from "../../model/task.ts";
import type { Problem, TrainerState } from "../engine.ts";

/** A problem and a state to start from. */
export interface Start {
  readonly problem: Problem;
  readonly state: TrainerState;
}

export interface Limits {
  readonly mostModulus: number;
  readonly mostWidth: number;
}

/** Any task, activation, optimizer and split, at small odd moduli and widths that are multiples of nothing. */
export function arbitraryChoice({ mostModulus, mostWidth }: Limits): fc.Arbitrary<Choice> {
  return fc.record({
    modulus: fc.integer({ min: 1, max: (mostModulus - 1) / 2 }).map((half) => 2 * half + 1),
    width: fc.integer({ min: 8, max: mostWidth }),
    activation: fc.constantFrom(...activations),
    task: fc.constantFrom<Task[]>("add", "subtract", "x^2+xy+y^2"),
    optimizer: fc.oneof(arbitraryAdamw, arbitrarySgd),
    warmupSteps: fc.constantFrom(0, 1, 10),
    trainFraction: fc.constantFrom(0.3, 0.75, 1),
    seed: fc.integer({ min: 0, max: 2 ** 31 }),
  });
}

const arbitraryAdamw: fc.Arbitrary<Optimizer> = fc.record({
  kind: fc.constant("adamw" as const),
  learningRate: fc.constantFrom(1e-4, 1e-3, 1e-2),
  weightDecay: fc.constantFrom(0, 0.1, 2),
  beta1: fc.constantFrom(0.9, 0.5),
  beta2: fc.constantFrom(0.98, 0.999),
  epsilon: fc.constantFrom(1e-8, 1e-4),
});

const arbitrarySgd: fc.Arbitrary<Optimizer> = fc.record({
  kind: fc.constant("sgd" as const),
  learningRate: fc.constantFrom(0.01, 0.1),
  weightDecay: fc.constantFrom(0, 0.01),
});

export interface Choice {
  readonly modulus: number;
  readonly width: number;
  readonly activation: Problem["activation"];
  readonly task: Task;
  readonly optimizer: Optimizer;
  readonly warmupSteps: number;
  readonly trainFraction: number;
  readonly seed: number;
}

/** `makeStart`, of networks within `limits`. */
export function startsWithin(limits: Limits | undefined): (choice: Choice) => Start {
  if (!limits) return makeStart;
  const { mostModulus, mostWidth } = limits;
  return (choice) =>
    makeStart({
      ...choice,
      modulus: Math.min(choice.modulus, mostModulus),
      width: Math.min(choice.width, mostWidth),
    });
}

/** Weights uniform in +-0.5 theta, +-1/sqrt(M) xi: every activation stays in range, no pair is trivially right. */
export function makeStart(choice: Choice): Start {
  const { modulus, width, activation, optimizer, warmupSteps, seed } = choice;
  const random = xorshift(seed);
  const uniform = (scale: number) =>
    Float32Array.from({ length: width * modulus }, () => scale * (2 * random() - 1));
  const state = { step: 0, theta: uniform(0.5), xi: uniform(1 / Math.sqrt(width)) };
  const train = Uint8Array.from({ length: modulus * modulus }, () =>
    random() < choice.trainFraction ? 1 : 0,
  );
  train[0] = 1;
  const problem = {
    modulus,
    width,
    activation,
    optimizer,
    schedule: { warmupSteps },
    labels: labels(choice.task, modulus),
    classes: pairClasses(train, modulus),
  };
  return { problem, state };
}

function xorshift(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
