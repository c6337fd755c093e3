import {
  type Grokfast as GrokfastMessage,
  type Spec as SpecMessage,
  Task as TaskMessage,
} from "@grokbox/proto/spec";
import { badAnswer } from "./error.ts";

/** Applied to theta_m[x] + theta_m[y]. `gelu` is the exact one (erf); `softplus2` is log(1 + e^{2x}). */
export type Activation =
  | "relu"
  | "gelu"
  | "x^2"
  | "identity"
  | "abs"
  | "x^3"
  | "x^4"
  | "x^8"
  | "softplus2"
  | "exp";

/** The label of the pair (x, y), mod p: x + y, x - y, or x^2 + xy + y^2. */
export type Task = "add" | "subtract" | "x^2+xy+y^2";

/** Everything that determines a run. */
export interface Spec {
  /** p, odd, 3 to 199. */
  readonly modulus: number;
  /** M, hidden neurons, 8 to 65,536. */
  readonly width: number;
  /** The present one. */
  readonly activation: Activation | (string & {});
  readonly task: Task;
  readonly init: Init;
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  readonly split: Split;
  /** 0 to 2^32 - 1. */
  readonly seed: number;
  /** Absent: theta itself is trained, which is a one-hot embedding. */
  readonly embedding?: Embedding;
}

/**
 * Residues are embedded by a matrix that is trained too: theta = W_in W_E. The optimizer updates W_E, W_in and xi, and parameter and gradient
 * norms are over these three.
 */
export interface Embedding {
  /** d: W_E is [d, p], W_in [M, d]. */
  readonly dimension: number;
}

/** How the weights of step 0 came about. */
export type Init =
  | { readonly kind: "random"; readonly scale: number }
  | { readonly kind: "single-frequency"; readonly scale: number }
  | { readonly kind: "uploaded" };

export type Optimizer =
  | {
      readonly kind: "adamw";
      /** Per step. */
      readonly learningRate: number;
      readonly weightDecay: number;
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
      /** Absent: without. */
      readonly grokfast?: Grokfast;
    }
  | {
      readonly kind: "sgd";
      readonly learningRate: number;
      readonly weightDecay: number;
      /** Absent: without. */
      readonly grokfast?: Grokfast;
    };

/**
 * The slow part of the gradient amplified before the optimizer gets it: mu = alpha mu + (1 - alpha) g, then g + lambda mu in place of g.
 * Lee et al., "Grokfast: Accelerated Grokking by Amplifying Slow Gradients", 2024.
 */
export interface Grokfast {
  /** At least 0, less than 1. */
  readonly alpha: number;
  /** Greater than 0, at most 1,000. */
  readonly lambda: number;
}

export interface Schedule {
  /** The update that leaves step t uses the learning rate times min(t / warmupSteps, 1); 0 for none. */
  readonly warmupSteps: number;
}

/** Which of the p^2 ordered pairs train. */
export type Split =
  /** The first floor(fraction p^2) of a shuffle, PyTorch's or Python's. */
  | { readonly kind: "torch" | "python"; readonly fraction: number }
  /** Indices x p + y, strictly increasing. */
  | { readonly kind: "explicit"; readonly trainPairs: readonly number[] };

/** The spec of an answer, which is always complete. */
export function fromSpec(message: SpecMessage | undefined): Spec {
  const { modulus, width, activation, task, seed, embedding } = message ?? {};
  return {
    modulus: present(modulus, "modulus"),
    width: present(width, "width"),
    activation: present(activation, "activation"),
    task: fromTask(task),
    init: fromInit(message?.init?.kind),
    optimizer: fromOptimizer(message?.optimizer?.kind),
    schedule: { warmupSteps: present(message?.schedule?.warmupSteps, "schedule") },
    split: fromSplit(message?.split?.kind),
    seed: present(seed, "seed"),
    ...(embedding && { embedding: { dimension: present(embedding.dimension, "embedding.dimension") } }),
  };
}

function fromTask(task: TaskMessage | undefined): Task {
  switch (task) {
    case TaskMessage.ADD:
      return "add";
    case TaskMessage.SUBTRACT:
      return "subtract";
    case TaskMessage.QUADRATIC_FORM:
      return "x^2+xy+y^2";
    default:
      return missing("task");
  }
}

function fromInit(kind: NonNullable<SpecMessage["init"]>["kind"] | undefined): Init {
  switch (kind?.case) {
    case "random":
      return { kind: "random", scale: present(kind.value.scale, "init.random.scale") };
    case "singleFrequency":
      return { kind: "single-frequency", scale: present(kind.value.scale, "init.single_frequency.scale") };
    case "uploaded":
      return { kind: "uploaded" };
    default:
      return missing("init");
  }
}

function fromOptimizer(kind: NonNullable<SpecMessage["optimizer"]>["kind"] | undefined): Optimizer {
  if (kind?.case === undefined) return missing("optimizer");
  const { grokfast } = kind.value;
  const common = {
    learningRate: present(kind.value.learningRate, "optimizer.learning_rate"),
    weightDecay: present(kind.value.weightDecay, "optimizer.weight_decay"),
    ...(grokfast && { grokfast: fromGrokfast(grokfast) }),
  };
  if (kind.case === "sgd") return { kind: "sgd", ...common };
  return {
    kind: "adamw",
    ...common,
    beta1: present(kind.value.beta1, "optimizer.adamw.beta1"),
    beta2: present(kind.value.beta2, "optimizer.adamw.beta2"),
    epsilon: present(kind.value.epsilon, "optimizer.adamw.epsilon"),
  };
}

function fromGrokfast({ alpha, lambda }: GrokfastMessage): Grokfast {
  return {
    alpha: present(alpha, "optimizer.grokfast.alpha"),
    lambda: present(lambda, "optimizer.grokfast.lambda"),
  };
}

function fromSplit(kind: NonNullable<SpecMessage["split"]>["kind"] | undefined): Split {
  switch (kind?.case) {
    case "torch":
    case "python":
      return { kind: kind.case, fraction: present(kind.value.fraction, "split.fraction") };
    case "explicit":
      return { kind: "explicit", trainPairs: kind.value.trainPairs };
    default:
      return missing("split");
  }
}

function present<T>(value: T | undefined, field: string): T {
  return value ?? missing(field);
}

function missing(field: string): never {
  throw badAnswer(`the server sent a spec without a known ${field}`);
}
