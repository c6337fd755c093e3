import { AnalysisService, type LotteryResponse } from "@grokbox/proto/analysis";
import type { Connection } from "./connection.ts";
import { type CallOptions, callKeys } from "./deadline.ts";
import type { Known } from "./known-keys.ts";
import { fromFloat32Tensor, fromFloat64Tensor, fromUint32Tensor, type Tensor } from "./tensor.ts";
import { fromUint64, toUint64 } from "./uint64.ts";

export interface LotteryOptions extends CallOptions {
  /** Name of a snapshot to forecast from. @default step 0 as the spec draws it */
  readonly begin?: string | undefined;
  /** Neurons whose race to tell, at most 64. @default none */
  readonly neurons?: readonly number[] | undefined;
  /** Steps of kept snapshots at which to tell it, at most 1,000. @default none */
  readonly raceAt?: readonly number[] | undefined;
}

export const lotteryKeys: Known<LotteryOptions> = {
  begin: true,
  neurons: true,
  raceAt: true,
  ...callKeys,
};

/** Which frequency each neuron was to end with, and which it has. M neurons, K frequencies. */
export interface Lottery {
  /** The step that the forecast is scored against. */
  readonly step: number;
  /** The step forecast from. */
  readonly beginStep: number;
  /** [M], the frequency 1..K whose decoupled flow blows up first; 0 when none does. */
  readonly forecast: Tensor<Uint32Array>;
  /** [M], 1 - earliest blow-up time / second earliest, 0 to 1: 1 when a single frequency's flow blows up, 0 when none does. */
  readonly confidence: Tensor<Float64Array>;
  /** [M], theta's dominant frequency at `step`; 0 where theta is constant. */
  readonly actual: Tensor<Uint32Array>;
  /** Of the neurons that have a frequency at `step`, the share forecast right, 0 to 1; chance is 1/K. 0 when none has. */
  readonly shareRight: number;
  /** The same by the smallest |misalignment| at the beginning alone. */
  readonly shareByMisalignment: number;
  /** The same by the largest magnitude of theta at the beginning alone. */
  readonly shareByMagnitude: number;
  readonly race: readonly RaceStep[];
}

/** Where all frequencies of the asked n neurons stand at one step. */
export interface RaceStep {
  readonly step: number;
  /** [n, K] */
  readonly thetaMagnitude: Tensor;
  /** [n, K] */
  readonly xiMagnitude: Tensor;
  /** [n, K], 2 phi - psi of every frequency, radians in [-pi, pi). */
  readonly misalignment: Tensor;
}

export async function readLottery(
  connection: Connection,
  name: string,
  options: LotteryOptions,
): Promise<Lottery> {
  const { begin = "", neurons = [], raceAt = [] } = options;
  const request = {
    name,
    begin,
    neurons: [...neurons],
    raceAt: raceAt.map((step) => toUint64(step, "race_at")),
  };
  return fromLottery(await connection.read(AnalysisService.method.lottery, request, options));
}

function fromLottery(message: LotteryResponse): Lottery {
  const { shareRight, shareByMisalignment, shareByMagnitude } = message;
  return {
    step: fromUint64(message.step),
    beginStep: fromUint64(message.beginStep),
    forecast: fromUint32Tensor(message.forecast),
    confidence: fromFloat64Tensor(message.confidence),
    actual: fromUint32Tensor(message.actual),
    shareRight,
    shareByMisalignment,
    shareByMagnitude,
    race: message.race.map(({ step, thetaMagnitude, xiMagnitude, misalignment }) => ({
      step: fromUint64(step),
      thetaMagnitude: fromFloat32Tensor(thetaMagnitude),
      xiMagnitude: fromFloat32Tensor(xiMagnitude),
      misalignment: fromFloat32Tensor(misalignment),
    })),
  };
}
