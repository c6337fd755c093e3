import type { ProgressPoint } from "@grokbox/sdk";
import { extraMeasures, snakeCase } from "../measures.ts";

/** A column of a history as a table. Its names are those of the measures in conditions. */
export interface HistoryColumn {
  readonly name: string;
  readonly type: "integer" | "real" | "text";
  /** Undefined for what the point does not have. */
  readonly value: (point: ProgressPoint) => number | string | undefined;
}

export const historyColumns: readonly HistoryColumn[] = [
  { name: "sequence", type: "integer", value: ({ sequence }) => sequence },
  { name: "step", type: "integer", value: ({ step }) => step },
  { name: "train_loss", type: "real", value: ({ trainLoss }) => trainLoss },
  { name: "test_loss", type: "real", value: ({ testLoss }) => testLoss },
  { name: "train_accuracy", type: "real", value: ({ trainAccuracy }) => trainAccuracy },
  { name: "test_accuracy", type: "real", value: ({ testAccuracy }) => testAccuracy },
  { name: "common_accuracy", type: "real", value: ({ accuracy }) => accuracy.common },
  { name: "rare_accuracy", type: "real", value: ({ accuracy }) => accuracy.rare },
  { name: "partner_accuracy", type: "real", value: ({ accuracy }) => accuracy.partner },
  { name: "held_out_accuracy", type: "real", value: ({ accuracy }) => accuracy.heldOut },
  { name: "ipr", type: "real", value: ({ ipr }) => ipr },
  {
    name: "mean_abs_sin_misalignment",
    type: "real",
    value: ({ meanAbsSinMisalignment }) => meanAbsSinMisalignment,
  },
  { name: "parameter_norm", type: "real", value: ({ parameterNorm }) => parameterNorm },
  { name: "gradient_norm", type: "real", value: ({ gradientNorm }) => gradientNorm },
  { name: "stage", type: "text", value: ({ stage }) => stage },
  ...extraMeasures.map((measure): HistoryColumn => {
    return { name: snakeCase(measure), type: "real", value: ({ extra }) => extra?.[measure] };
  }),
];
