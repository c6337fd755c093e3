/**
 * Everything that determines a run. Two sessions with equal specs on one engine and device have equal bits at
 * every step. Loosely written specs are completed by `presets.ts` and checked by `spec-rules.ts`; a `Spec` is complete.
 */
export interface Spec {
  /** p, odd, 3..199. Inputs and labels are residues mod p. */
  readonly modulus: number;
  /** M, number of hidden neurons, 8..65,536. */
  readonly width: number;
  readonly activation: Activation;
  readonly task: Task;
  readonly init: Init;
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  readonly split: Split;
  /** Seed of `torch.manual_seed`, of NumPy's `RandomState` and of Python's `random.seed`; 0..2^32-1. */
  readonly seed: number;
  /** Absent: theta itself is trained, which is a one-hot embedding. */
  readonly embedding?: Embedding;
}

export const activations = [
  "relu",
  "gelu",
  "x^2",
  "identity",
  "abs",
  "x^3",
  "x^4",
  "x^8",
  "softplus2",
  "exp",
] as const;

/** Applied to theta_m[x] + theta_m[y]. `gelu` is the exact one (erf); `softplus2` is log(1 + e^{2x}). */
export type Activation = (typeof activations)[number];

/** Labels, mod p: x + y, x - y, or x^2 + xy + y^2. Only `subtract` is not symmetric in x and y. */
export type Task = "add" | "subtract" | "x^2+xy+y^2";

/**
 * Residues are embedded by a matrix that is trained too: theta = W_in W_E, and the optimizer updates W_E [d, p], W_in [M, d] and xi.
 * Parameter and gradient norms are over these three. The published code's `embed_type: learned`.
 */
export interface Embedding {
  /** d, 1..512. */
  readonly dimension: number;
}

export type Init =
  /**
   * theta [M, p], then xi [p, M] transposed, both scale / sqrt(p) times `torch.randn`. With a learned embedding W_E [d, p], randn / sqrt(d),
   * then W_in [M, d] and xi [p, M] transposed, both scale / sqrt(d) times randn.
   */
  | { readonly kind: "random"; readonly scale: number }
  /** theta_m[j] = scale cos(w_k j + phi), xi_m[j] = scale cos(w_k j + psi). */
  | { readonly kind: "single-frequency"; readonly scale: number }
  /** Weights are given from outside. The split is drawn as if a random init had been drawn first. */
  | { readonly kind: "uploaded" };

export type Optimizer =
  /** Decoupled decay in PyTorch's order; eps outside the square root. */
  | {
      readonly kind: "adamw";
      readonly learningRate: number;
      readonly weightDecay: number;
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
      readonly grokfast?: Grokfast;
    }
  /** w -= lr (g + weightDecay w). */
  | {
      readonly kind: "sgd";
      readonly learningRate: number;
      readonly weightDecay: number;
      readonly grokfast?: Grokfast;
    };

/**
 * The slow part of the gradient amplified before the optimizer gets it: mu = alpha mu + (1 - alpha) g, g + lambda mu in place of g. mu begins
 * as the first gradient, as in the authors' code. Lee et al., "Grokfast: Accelerated Grokking by Amplifying Slow Gradients" (2024), `gradfilter_ema`
 * of github.com/ironjr/grokfast.
 */
export interface Grokfast {
  /** Of the running mean, at least 0, less than 1. The paper's is 0.98. */
  readonly alpha: number;
  /** How much of it is added, greater than 0, at most 1000. The paper's is 2. */
  readonly lambda: number;
}

/** Learning rate of the update that leaves step t: lr min(t / warmupSteps, 1); no warm-up when 0. */
export interface Schedule {
  readonly warmupSteps: number;
}

export type Split =
  /** `torch.randperm(p^2)` from the generator that drew the weights; the first floor(fraction p^2) pairs train. */
  | { readonly kind: "torch"; readonly fraction: number }
  /** Python's `random.seed(seed); random.shuffle` of the pairs in lexicographic order. */
  | { readonly kind: "python"; readonly fraction: number }
  /** These pairs train, as indices x p + y, strictly increasing. */
  | { readonly kind: "explicit"; readonly trainPairs: readonly number[] };
