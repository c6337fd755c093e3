import type { Engine, Shape } from "../engine/engine.ts";
import { type Calibration, hasTimedOptions, operations, type Timing } from "./calibration.ts";

/** The engine of a session, and why it is that one. */
export interface Placement {
  readonly engine: Engine;
  /** For people. */
  readonly reason: string;
}

/** An engine that a session may get. */
export interface Candidate {
  readonly engine: Engine;
  readonly calibration: Calibration;
  /** Sessions that train there now. */
  readonly training: number;
}

/**
 * Milliseconds that a step of a network takes beside so many others, by what the timed ones take: between two of them by a power of
 * their operations, above the largest in proportion to them.
 */
export function expectedStepMs(
  calibration: Calibration,
  shape: Pick<Shape, "modulus" | "width" | "embedding">,
  others: number,
): number {
  const at = calibration.map((timing) => ({ size: operations(timing), ms: besideMs(timing, others) }));
  const size = operations(shape);
  const above = at.findIndex((timed) => timed.size >= size);
  const last = at.at(-1)!;
  if (above < 0) return (last.ms * size) / last.size;
  const high = at[Math.max(1, above)] ?? last;
  const low = at[Math.max(1, above) - 1]!;
  if (high === low) return (low.ms * size) / low.size;
  const power = Math.log(high.ms / low.ms) / Math.log(high.size / low.size);
  // Below what was timed a smaller network is no slower, and fewer operations don't take less than in proportion.
  const bounded = size < low.size ? Math.min(1, Math.max(0, power)) : power;
  return low.ms * (size / low.size) ** bounded;
}

/** As many as were timed side by side slow each other down as they did then; where none were they take turns. */
function besideMs({ stepMs, cohort }: Timing, others: number): number {
  const all = others + 1;
  if (cohort === undefined) return stepMs * all;
  if (all >= cohort.size) return (cohort.stepMs * all) / cohort.size;
  return stepMs + ((cohort.stepMs - stepMs) * others) / (cohort.size - 1);
}

/** The engine on which a network trains fastest beside those that train there already. */
export function fastest(candidates: readonly Candidate[], shape: Shape): Placement {
  const ranked = candidates
    .map((candidate) => ({
      ...candidate,
      stepMs: expectedStepMs(candidate.calibration, shape, candidate.training),
      isTimed: candidate.training === 0 && candidate.calibration.some((timing) => isShape(timing, shape)),
    }))
    .sort((a, b) => a.stepMs - b.stepMs);
  const [best, ...rest] = ranked;
  const text = ({ stepMs, isTimed }: (typeof ranked)[number]) =>
    `${isTimed ? "" : "about "}${rate.format(1000 / stepMs)}`;
  const others = rest.map((other) => `${text(other)} of ${other.engine.name}`);
  const busy = ranked
    .filter(({ training }) => training > 0)
    .map(
      ({ engine, training }) => `${training} that ${training === 1 ? "trains" : "train"} on ${engine.name}`,
    );
  const network = `for p = ${shape.modulus}, M = ${shape.width}`;
  const load = busy.length === 0 ? "" : `, beside ${busy.join(" and ")}`;
  const reason = `${best!.engine.name}: ${text(best!)} steps/s beside ${others.join(" and ")}, ${network}${load}`;
  return { engine: best!.engine, reason };
}

const rate = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 2 });

/** Rates of networks with other options are estimates, by those that they would have without. */
const isShape = (timing: Timing, shape: Shape) =>
  timing.modulus === shape.modulus && timing.width === shape.width && hasTimedOptions(shape);
