import { SweepParameter as ParameterMessage, type SweepCoordinate } from "@grokbox/proto/sweep";

const parameters = {
  modulus: ParameterMessage.MODULUS,
  width: ParameterMessage.WIDTH,
  activation: ParameterMessage.ACTIVATION,
  task: ParameterMessage.TASK,
  initScale: ParameterMessage.INIT_SCALE,
  learningRate: ParameterMessage.LEARNING_RATE,
  weightDecay: ParameterMessage.WEIGHT_DECAY,
  warmupSteps: ParameterMessage.WARMUP_STEPS,
  trainFraction: ParameterMessage.TRAIN_FRACTION,
} as const;

/** What a grid can sweep, besides seeds. */
export type SweepParameter = keyof typeof parameters;

export const sweepParameters = Object.keys(parameters) as readonly SweepParameter[];

/** Values of swept parameters. */
export type Coordinates = Readonly<Partial<Record<SweepParameter, number | string>>>;

export function isSweepParameter(name: string): name is SweepParameter {
  return Object.hasOwn(parameters, name);
}

export function toParameter(parameter: SweepParameter): ParameterMessage {
  return parameters[parameter];
}

/** Undefined for a parameter that is newer than this SDK. */
export function fromParameter(message: ParameterMessage): SweepParameter | undefined {
  return sweepParameters.find((name) => parameters[name] === message);
}

export function fromCoordinates(messages: readonly SweepCoordinate[]): Coordinates {
  return Object.fromEntries(
    messages.flatMap(({ parameter, value }) => {
      const name = fromParameter(parameter);
      return name === undefined || value.case === undefined ? [] : [[name, value.value]];
    }),
  );
}
