import type { Dispatch, Shape } from "./plan.ts";
import type { Constants } from "./shader.ts";

/** What a learned embedding adds to the plan of a shape. */
export interface FactorPlan {
  /** Of all kernels. */
  readonly constants: Constants;
  readonly files: readonly string[];
  /** After those of the pass: theta's gradient becomes an update of its factors, and they make the new theta. */
  readonly dispatches: readonly [factors: Dispatch, product: Dispatch];
  /** Workgroups that leave a part of the trace, after `partials` others. */
  readonly partials: number;
  /** New weights of the factors: what else is in scratch then is done with. */
  readonly newQuads: number;
}

/** Invocations of a workgroup, and rows of a factor of which an invocation has sums. */
const [threads, rows] = [64, 4];

export function factorPlan({ modulus, dimension }: Shape, quads: number, partials: number): FactorPlan {
  const columns = Math.ceil(modulus / 4);
  const tiles = Math.ceil(dimension / rows);
  const EMBEDDING_GROUPS = tiles * columns;
  const groups = EMBEDDING_GROUPS + Math.ceil((tiles * quads) / threads);
  const PRODUCT_GROUPS = Math.ceil((quads * columns) / threads);
  return {
    constants: { D: dimension, PQ: columns },
    files: ["scratch.wgsl", "embedding.wgsl"],
    dispatches: [
      {
        name: "factors",
        kernel: {
          entryPoint: "factors",
          files: ["factors.wgsl"],
          constants: { ROWS: rows, EMBEDDING_GROUPS, FACTOR_PARTIALS: partials },
        },
        groups: [groups, 1],
      },
      {
        name: "product",
        kernel: { entryPoint: "product", files: ["product.wgsl"], constants: { PRODUCT_GROUPS } },
        groups: [PRODUCT_GROUPS, 1],
      },
    ],
    partials: groups,
    newQuads: dimension * (quads + columns),
  };
}
