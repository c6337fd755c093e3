import type { SweepInfo, SweepRun } from "@grokbox/sdk";
import { snakeCase } from "../measures.ts";

type Value = number | string | undefined;

/** A column of a sweep's results as a table. */
export interface ResultColumn {
  readonly name: string;
  readonly value: (run: SweepRun) => Value;
}

/** Those of every sweep, with its own swept parameters after the seed. */
export function resultColumns({ definition }: SweepInfo): readonly ResultColumn[] {
  const axes = definition?.axes ?? [];
  return [
    { name: "run", value: ({ run }) => run },
    { name: "group", value: ({ group }) => group },
    { name: "seed", value: ({ seed }) => seed },
    ...axes.map(({ parameter }) => ({
      name: snakeCase(parameter),
      value: ({ coordinates }: SweepRun) => coordinates[parameter],
    })),
    { name: "outcome", value: ({ outcome }) => outcome },
    { name: "step", value: ({ step }) => step },
    { name: "memorization_end", value: ({ memorizationEnd }) => memorizationEnd },
    { name: "generalization_end", value: ({ generalizationEnd }) => generalizationEnd },
    { name: "grokking_step", value: ({ grokkingStep }) => grokkingStep },
    { name: "train_loss", value: ({ final }) => final?.trainLoss },
    { name: "test_loss", value: ({ final }) => final?.testLoss },
    { name: "train_accuracy", value: ({ final }) => final?.trainAccuracy },
    { name: "test_accuracy", value: ({ final }) => final?.testAccuracy },
    { name: "common_accuracy", value: ({ final }) => final?.accuracy.common },
    { name: "rare_accuracy", value: ({ final }) => final?.accuracy.rare },
    { name: "partner_accuracy", value: ({ final }) => final?.accuracy.partner },
    { name: "held_out_accuracy", value: ({ final }) => final?.accuracy.heldOut },
    { name: "ipr", value: ({ final }) => final?.ipr },
    { name: "mean_abs_sin_misalignment", value: ({ final }) => final?.meanAbsSinMisalignment },
    { name: "parameter_norm", value: ({ final }) => final?.parameterNorm },
    { name: "gradient_norm", value: ({ final }) => final?.gradientNorm },
    { name: "forecast_right", value: ({ forecastRight }) => forecastRight },
    { name: "session", value: ({ session }) => session },
    { name: "detail", value: ({ detail }) => detail },
  ];
}
