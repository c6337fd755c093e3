import fc from "fast-check";
import { productOf } from "../../model/learned-embedding.ts";
import { pairClasses } from "../../model/pair-class.ts";
import { type Activation, activations, type Grokfast, type Optimizer, type Task } from "../../model/spec.ts";
import { labels } from "../../model/task.ts";
import type { EngineOption, Problem, TrainerState } from "../engine.ts";

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
  /** Of a learned embedding. @default none */
  readonly dimension?: number;
  /** @default false */
  readonly grokfast?: boolean;
  /** Takes a second for a step: no more is asked of it than a few. @default false */
  readonly isSlow?: boolean;
}

/**
 * Any task, activation, optimizer, embedding and split, at small odd moduli and widths that are multiples of nothing; or one of
 * `shapes`.
 */
export function arbitraryChoice(
  { mostModulus, mostWidth }: Limits,
  shapes?: readonly NetworkShape[],
): fc.Arbitrary<Choice> {
  const any = fc.record({
    modulus: fc.integer({ min: 1, max: (mostModulus - 1) / 2 }).map((half) => 2 * half + 1),
    width: fc.integer({ min: 8, max: mostWidth }),
    activation: fc.constantFrom(...activations),
    task: fc.constantFrom<Task[]>("add", "subtract", "x^2+xy+y^2"),
    optimizer: maybeGrokfast(fc.oneof(arbitraryAdamw, arbitrarySgd)),
    warmupSteps: fc.constantFrom(0, 1, 10),
    trainFraction: fc.constantFrom(0.3, 0.75, 1),
    dimension: fc.oneof(
      { weight: 2, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 40 }) },
    ),
    seed: fc.integer({ min: 0, max: 2 ** 31 }),
  });
  if (!shapes) return any;
  return fc
    .record({
      choice: any,
      shape: fc.constantFrom(...shapes.filter(({ isSlow }) => !isSlow)),
      adamw: arbitraryAdamw,
      sgd: arbitrarySgd,
      grokfast: arbitraryGrokfast,
    })
    .map(({ choice, shape, grokfast, ...optimizers }) =>
      ofShape(shape, choice, optimizers[shape.optimizer], grokfast),
    );
}

/** A choice of that shape; `grokfast` is for those that have it. */
export function ofShape(
  { modulus, width, activation, dimension, grokfast: isAmplified }: NetworkShape,
  choice: Choice,
  optimizer: Optimizer,
  grokfast: Grokfast,
): Choice {
  return {
    ...choice,
    ...{ modulus, width, activation, dimension },
    optimizer: isAmplified ? { ...optimizer, grokfast } : optimizer,
  };
}

/** The optimizer with Grokfast in one case of three. */
function maybeGrokfast(optimizers: fc.Arbitrary<Optimizer>): fc.Arbitrary<Optimizer> {
  const amplified = fc
    .tuple(optimizers, arbitraryGrokfast)
    .map(([optimizer, grokfast]): Optimizer => ({ ...optimizer, grokfast }));
  return fc.oneof({ weight: 2, arbitrary: optimizers }, { weight: 1, arbitrary: amplified });
}

const arbitraryGrokfast: fc.Arbitrary<Grokfast> = fc.record({
  alpha: fc.constantFrom(0.98, 0.5, 0),
  lambda: fc.constantFrom(2, 0.1, 5),
});

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
  /** Of a learned embedding. @default none */
  readonly dimension?: number | undefined;
  readonly seed: number;
}

/** What an engine under test can't do or takes too long over; see `EngineUnderTest`. */
export interface Restrictions {
  readonly limits?: Limits | undefined;
  readonly lacks?: readonly EngineOption[] | undefined;
  readonly shapes?: readonly NetworkShape[] | undefined;
}

/**
 * A choice within the limits and without options that are lacking; or of the shapes, the first with the same optimizer, with or without
 * options as the choice and, where there is one, with the same activation.
 */
export function choicesWithin({ limits, lacks = [], shapes }: Restrictions): (choice: Choice) => Choice {
  const { mostModulus, mostWidth } = limits ?? { mostModulus: Infinity, mostWidth: Infinity };
  return (choice) => {
    const { grokfast, ...plain } = choice.optimizer;
    const allowed = {
      ...choice,
      modulus: Math.min(choice.modulus, mostModulus),
      width: Math.min(choice.width, mostWidth),
      optimizer: grokfast === undefined || lacks.includes("grokfast") ? plain : choice.optimizer,
      dimension: lacks.includes("embedding") ? undefined : choice.dimension,
    };
    if (!shapes) return allowed;
    const isPlain = grokfast === undefined && choice.dimension === undefined;
    const sameOptimizer = shapes.filter(({ optimizer, isSlow }) => optimizer === plain.kind && !isSlow);
    const sameOptions = sameOptimizer.filter((shape) => isPlain === !(shape.dimension || shape.grokfast));
    const alike = sameOptions.length > 0 ? sameOptions : sameOptimizer;
    const shape = alike.find(({ activation }) => activation === choice.activation) ?? alike[0];
    return ofShape(shape, choice, plain, grokfast ?? { alpha: 0.9, lambda: 2 });
  };
}

/** Of several choices those that come to different code within the restrictions. */
export function distinctWithin<C extends Choice>(restrictions: Restrictions, choices: readonly C[]): C[] {
  const within = choicesWithin(restrictions);
  const codes = choices.map((choice) => {
    const { modulus, width, activation, optimizer, dimension } = within(choice);
    return [modulus, width, activation, optimizer.kind, dimension, optimizer.grokfast !== undefined].join();
  });
  return choices.filter((_, i) => codes.indexOf(codes[i]) === i);
}

/** `makeStart`, of `choicesWithin`. */
export function startsWithin(restrictions: Restrictions): (choice: Choice) => Start {
  const within = choicesWithin(restrictions);
  return (choice) => makeStart(within(choice));
}

/**
 * Weights uniform in +-0.5 theta, +-1/sqrt(M) xi: every activation stays in range, no pair is trivially right. With a learned embedding
 * the columns of W_E have length 1 on average, as in the published init, so that steps in theta are about as long, and W_in is +-0.5.
 */
export function makeStart(choice: Choice): Start {
  const { modulus, width, activation, optimizer, warmupSteps, dimension, seed } = choice;
  const random = xorshift(seed);
  const uniform = (scale: number, length = width * modulus) =>
    Float32Array.from({ length }, () => scale * (2 * random() - 1));
  const factors = dimension && {
    embedding: uniform(Math.sqrt(3 / dimension), dimension * modulus),
    projection: uniform(0.5, width * dimension),
  };
  const theta = factors ? Float32Array.from(productOf(factors, modulus)) : uniform(0.5);
  const state = { step: 0, theta, xi: uniform(1 / Math.sqrt(width)), ...(factors && { factors }) };
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
    ...(dimension && { embedding: { dimension } }),
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
