import { isDeepStrictEqual } from "node:util";
import type { Start } from "../../conformance/arbitrary-problem.ts";
import type { TrainerState } from "../../engine.ts";
import { DeviceLostError } from "../../errors.ts";
import type { GpuThread } from "../gpu-thread.ts";
import type { WebGpuEngine } from "../webgpu-engine.ts";

/** What came of losing the device again and again. All but `losses` should be 0. */
export interface LossReport {
  readonly losses: number;
  /** Calls that were under way, or came later, and did not reject with the one error of that loss. */
  readonly otherErrors: number;
  /** States reached from the last one that was read that are not, to the bit, where an undisturbed run stands. */
  readonly wrongStates: number;
  /** Bytes that the device holds after all trainers were closed. */
  readonly bytesLeft: number;
}

/** Steps between two losses. */
const stride = 5;

/** Trains on, from the last state that was read, over `losses` losses of the device: while it is idle, training, reading or opening. */
export async function loseAgainAndAgain(
  engine: WebGpuEngine,
  thread: GpuThread,
  { problem, state: first }: Start,
  losses: number,
): Promise<LossReport> {
  const undisturbed = await engine.open(problem, first);
  const weightsAt = Array.from({ length: losses }, (_, i) => stride * (i + 1));
  const { weights } = await undisturbed.advance(stride * losses, { weightsAt });
  undisturbed.close();
  let state: TrainerState = first;
  let otherErrors = 0;
  let wrongStates = 0;
  for (let i = 0; i < losses; i++) {
    const [trainer, idle] = await Promise.all([engine.open(problem, state), engine.open(problem, first)]);
    await trainer.advance(stride);
    state = await trainer.readState();
    const { theta, xi } = state;
    if (state.step !== stride * (i + 1) || !isDeepStrictEqual({ theta, xi }, weights[i])) wrongStates++;
    // It may come too late for the loss, and then acquires the device again.
    const opening = async () => {
      (await engine.open(problem, first)).close();
      await trainer.readState();
    };
    const calls = [
      () => [],
      () => [trainer.advance(1e9)],
      () => [trainer.readState(), idle.advance(1e9)],
      () => [trainer.advance(1e9), opening()],
    ][i % 4];
    const settled = Promise.allSettled<unknown>(calls());
    await thread.call("lose", {});
    const outcomes = await settled;
    outcomes.push(...(await Promise.allSettled([trainer.readState(), idle.measure()])));
    const errors = outcomes.map((outcome) =>
      outcome.status === "rejected" ? outcome.reason : outcome.value,
    );
    otherErrors += errors.filter(
      (error) => !(error instanceof DeviceLostError) || error !== errors[0],
    ).length;
    trainer.close();
    idle.close();
  }
  const { bytes } = await engine.info();
  return { losses, otherErrors, wrongStates, bytesLeft: bytes };
}
