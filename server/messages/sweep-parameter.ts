import type { MessageInitShape } from "@bufbuild/protobuf";
import { type SweepCoordinateSchema, SweepParameter } from "@grokbox/proto/sweep";
import type { Coordinate, SweptParameter } from "../model/sweep-grid.ts";

const numbers: Readonly<Record<SweptParameter, SweepParameter>> = {
  modulus: SweepParameter.MODULUS,
  width: SweepParameter.WIDTH,
  activation: SweepParameter.ACTIVATION,
  task: SweepParameter.TASK,
  initScale: SweepParameter.INIT_SCALE,
  learningRate: SweepParameter.LEARNING_RATE,
  weightDecay: SweepParameter.WEIGHT_DECAY,
  warmupSteps: SweepParameter.WARMUP_STEPS,
  trainFraction: SweepParameter.TRAIN_FRACTION,
};

const byNumber = new Map((Object.keys(numbers) as SweptParameter[]).map((name) => [numbers[name], name]));

/** The domain's word for a parameter, or undefined for one that there isn't. */
export function parseParameter(parameter: SweepParameter): SweptParameter | undefined {
  return byNumber.get(parameter);
}

export function parameterNumber(parameter: SweptParameter): SweepParameter {
  return numbers[parameter];
}

export function coordinateMessage({
  parameter,
  value,
}: Coordinate): MessageInitShape<typeof SweepCoordinateSchema> {
  return {
    parameter: numbers[parameter],
    value: typeof value === "number" ? { case: "number", value } : { case: "text", value },
  };
}
