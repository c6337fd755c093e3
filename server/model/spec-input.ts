/**
 * A spec as a person writes it: every field may be left out, to be taken from a preset, and names are not yet checked.
 * `completeSpec` makes a `Spec` of it.
 */
export interface SpecInput {
  readonly modulus?: number | undefined;
  readonly width?: number | undefined;
  /** A name of `activations`, or the alias `quadratic` (`x^2`) or `x` (`identity`). */
  readonly activation?: string | undefined;
  readonly task?: string | undefined;
  readonly init?: InitInput | undefined;
  readonly optimizer?: OptimizerInput | undefined;
  readonly schedule?: { readonly warmupSteps?: number | undefined } | undefined;
  readonly split?: SplitInput | undefined;
  readonly seed?: number | undefined;
  readonly embedding?: EmbeddingInput | undefined;
}

export interface EmbeddingInput {
  readonly dimension?: number | undefined;
}

export interface InitInput {
  readonly kind?: string | undefined;
  readonly scale?: number | undefined;
}

export interface OptimizerInput {
  readonly kind?: string | undefined;
  readonly learningRate?: number | undefined;
  readonly weightDecay?: number | undefined;
  readonly beta1?: number | undefined;
  readonly beta2?: number | undefined;
  readonly epsilon?: number | undefined;
  readonly grokfast?: GrokfastInput | undefined;
}

export interface GrokfastInput {
  readonly alpha?: number | undefined;
  /** 0: without Grokfast. */
  readonly lambda?: number | undefined;
}

export interface SplitInput {
  /** When left out, `explicit` if `trainPairs` is given. */
  readonly kind?: string | undefined;
  readonly fraction?: number | undefined;
  readonly trainPairs?: readonly number[] | undefined;
}
