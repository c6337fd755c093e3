import fc from "fast-check";
import { pairClasses } from "../../model/pair-class.ts";
import { type Activation, activations, type Optimizer, type Task } from "../../model/spec.ts";
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

/** What of a network decides which code an engine runs for it. */
export interface NetworkShape {
  readonly modulus: number;
  readonly width: number;
  readonly activation: Activation;
  readonly optimizer: Optimizer["kind"];
}

/** Any task, activation, optimizer and split, at small odd moduli and widths that are multiples of nothing; or one of `shapes`. */
export function arbitraryChoice(
  { mostModulus, mostWidth }: Limits,
  shapes?: readonly NetworkShape[],
): fc.Arbitrary<Choice> {
  const any = fc.record({
    modulus: fc.integer({ min: 1, max: (mostModulus - 1) / 2 }).map((half) => 2 * half + 1),
    width: fc.integer({ min: 8, max: mostWidth }),
    activation: fc.constantFrom(...activations),
    task: fc.constantFrom<Task[]>("add", "subtract", "x^2+xy+y^2"),
    optimizer: fc.oneof(arbitraryAdamw, arbitrarySgd),
    warmupSteps: fc.constantFrom(0, 1, 10),
    trainFraction: fc.constantFrom(0.3, 0.75, 1),
    seed: fc.integer({ min: 0, max: 2 ** 31 }),
  });
  if (!shapes) return any;
  return fc
    .record({ choice: any, shape: fc.constantFrom(...shapes), adamw: arbitraryAdamw, sgd: arbitrarySgd })
    .map(({ choice, shape, ...optimizers }) => ({
      ...choice,
      ...shape,
      optimizer: optimizers[shape.optimizer],
    }));
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

/** What an engine under test may be given. */
export interface Bounds {
  readonly limits?: Limits;
  readonly shapes?: readonly NetworkShape[];
}

/** A choice within an engine's limits; or of its shapes, the first with the same optimizer and, where there is one, the same activation. */
export function choicesWithin({ limits, shapes }: Bounds): (choice: Choice) => Choice {
  return (choice) => {
    const { modulus, width, activation, optimizer } = choice;
    if (shapes) {
      const alike = shapes.filter((shape) => shape.optimizer === optimizer.kind);
      const same = alike.filter((shape) => shape.activation === activation);
      return { ...choice, ...(same[0] ?? alike[0]), optimizer };
    }
    if (!limits) return choice;
    const { mostModulus, mostWidth } = limits;
    return { ...choice, modulus: Math.min(modulus, mostModulus), width: Math.min(width, mostWidth) };
  };
}

/** `makeStart`, of networks within an engine's bounds. */
export function startsWithin(bounds: Bounds): (choice: Choice) => Start {
  const within = choicesWithin(bounds);
  return (choice) => makeStart(within(choice));
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
