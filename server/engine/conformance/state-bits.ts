import { arraysOf } from "../../model/network-state.ts";
import type { Engine, TrainerState } from "../engine.ts";
import type { Start } from "./arbitrary-problem.ts";

/** The state after the given calls of `advance`. */
export async function finalState(
  engine: Engine,
  start: Start,
  cuts: readonly number[],
): Promise<TrainerState> {
  const trainer = await engine.open(start.problem, start.state);
  for (const steps of cuts) await trainer.advance(steps);
  const state = await trainer.readState();
  trainer.close();
  return state;
}

/** State and traces after the given calls, for exact comparison. */
export async function finalBits(engine: Engine, start: Start, cuts: readonly number[]) {
  const trainer = await engine.open(start.problem, start.state);
  const traces: Record<string, number[]> = {};
  for (const steps of cuts) {
    const { trace } = await trainer.advance(steps);
    for (const [column, values] of Object.entries(trace)) {
      traces[column] ??= [];
      traces[column].push(...values);
    }
  }
  const state = await trainer.readState();
  trainer.close();
  return { ...bitsOf(state), traces };
}

export function bitsOf({ step, ...state }: TrainerState) {
  const arrays = Object.entries(arraysOf(state));
  return {
    step,
    bits: Object.fromEntries(
      arrays.map(([name, values]) => [name, Buffer.from(values!.buffer).toString("base64")]),
    ),
    traces: undefined as Record<string, number[]> | undefined,
  };
}
